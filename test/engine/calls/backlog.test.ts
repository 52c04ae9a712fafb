import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';
import { watch } from '../../support/watching.ts';

describe('the archive is away', () => {
  it('G12 M90 without the archive, mutations are accepted up to the backlog, then OVERLOADED; once it is back, everything is committed', async () => {
    let away = false;
    const world = engineWorld({
      maxBacklog: 10,
      aroundArchive: (archive) => ({
        ...archive,
        commit: (parts) => (away ? Promise.reject(new Error('away')) : archive.commit(parts)),
        ping: () => (away ? Promise.reject(new Error('away')) : archive.ping()),
      }),
    });
    const { manager, clock } = world;
    await world.create();
    const watching = watch(manager, { receipts: true });
    await clock.settle();
    away = true;
    for (let n = 0; n < 10; n += 1) expect(await world.title(`t${n}`)).toMatchObject({ durability: 'accepted' });
    await clock.advance(5_000);
    expect(watching.mirror.version).toBe(11);
    expect(watching.mirror.durable).toBe(1);
    expect(manager.stats().archive).toMatchObject({ backlogEntries: 10, failing: true, lagSeconds: 5 });
    for (const call of [
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {}),
      manager.push(CALLERS.editor, CAMPAIGN, [{ mutationId: 'm', command: setTitle('x') }]),
      manager.create(CALLERS.admin, 'other', { slug: 'other', title: 'other' }, {}),
    ]) {
      expect(await refusal(call)).toMatchObject({ reason: 'OVERLOADED', limit: 10, retryAfterMs: 1_000 });
    }
    expect(await world.state()).toMatchObject({ title: 't9' });
    away = false;
    await clock.advance(10_000);
    expect(manager.stats().archive).toEqual({ backlogEntries: 0, failing: false, lagSeconds: 0 });
    expect(watching.mirror.durable).toBe(11);
    expect((await world.archive.heads([CAMPAIGN]))[0]?.head.version).toBe(11);
    expect(await world.title('after')).toMatchObject({ version: 12 });
  });

  it('G12 M91 waiting bytes are counted once, also those of entries that others append while the campaign is being loaded', async () => {
    const clock = simulatedClock();
    const [disk, store] = [createMemoryStore(), createSharedLogStore()];
    const text = 'x'.repeat(60_000);
    const commits = gate();
    const here = engineWorld({
      clock,
      memory: { store: disk, soleUser: false },
      aroundLog: () => connectSharedLog(store, { clock, instance: 'here' }),
      aroundArchive: (archive) => ({ ...archive, commit: (parts) => commits.pass().then(() => archive.commit(parts)) }),
    });
    let meanwhile = true;
    const there = engineWorld({
      clock,
      maxBacklogBytes: 50_000,
      memory: { store: disk, soleUser: false },
      aroundLog() {
        const log = connectSharedLog(store, { clock, instance: 'there' });
        return {
          ...log,
          async open(...asked) {
            const opened = await log.open(...asked);
            commits.shut();
            if (meanwhile)
              await here.manager.mutate(
                CALLERS.editor,
                CAMPAIGN,
                { type: 'update', updates: { description: text } },
                {},
              );
            meanwhile = false;
            // Until it has been heard of.
            await new Promise<void>((resolve) => clock.after(5, resolve));
            return opened;
          },
        };
      },
    });
    await here.create();
    await here.title('one');
    expect(await there.state()).toMatchObject({ description: text });
    commits.open();
    await clock.advance(10_000);
    expect(await there.title('two')).toMatchObject({ version: 4 });
  });
});
