import { describe, expect, it } from 'vitest';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../support/engine-world.ts';
import { watch } from '../support/watching.ts';

describe('the archive is away', () => {
  it('G12 M90 live work goes on up to the backlog, then mutations are OVERLOADED; when it is back, everything is there', async () => {
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
});
