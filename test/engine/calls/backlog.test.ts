import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle, type EngineWorld } from '../../support/engine-world.ts';
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

describe('a campaign that cannot be saved', () => {
  const titled = (world: EngineWorld, name: string, title: string) =>
    world.change(setTitle(title), { durability: 'accepted' }, name);

  it('G12 M216 is refused alone, and told since when, once the archive has refused its entries for 15 s', async () => {
    const world = engineWorld({
      maxBacklog: 8,
      aroundArchive: (archive) => ({
        ...archive,
        commit: (parts) =>
          parts.some(({ campaignId }) => campaignId === 'broken')
            ? Promise.reject(new Error('refused'))
            : archive.commit(parts),
      }),
    });
    await world.create('broken');
    await world.create('healthy');
    const since = world.clock.now();
    for (let n = 0; n < 3; n += 1) await titled(world, 'broken', `t${n}`);
    await world.clock.advance(14_000);
    await titled(world, 'broken', 'the last one');
    await world.clock.advance(2_000);
    const refused = await refusal(titled(world, 'broken', 'no more'));
    expect(refused).toMatchObject({ reason: 'OVERLOADED', path: ['campaignId'], retryAfterMs: 5_000 });
    const [, time = ''] = /cannot be saved since (\S+);/.exec(refused.message) ?? [];
    expect(Math.abs(Date.parse(time) - since)).toBeLessThan(1_000);
    for (let n = 0; n < 20; n += 1) {
      expect(await titled(world, 'healthy', `t${n}`)).toMatchObject({ version: n + 2 });
      await world.clock.advance(100);
    }
    expect((await world.archive.heads(['healthy']))[0]?.head.version).toBe(21);
  });

  it('G12 M217 is refused alone where another instance archives it: its watermark stands still while those of others move', async () => {
    let broken = true;
    const world = engineWorld({
      maxBacklog: 8,
      aroundLog: (log) => ({
        ...log,
        pending: (limit, except) => log.pending(limit, broken ? new Set([...(except ?? []), 'broken']) : except),
      }),
    });
    await world.create('broken');
    await world.create('healthy');
    await world.clock.advance(1_000);
    for (let n = 0; n < 6; n += 1) await titled(world, 'broken', `t${n}`);
    // A quarter of the backlog is left for the others.
    expect(await refusal(titled(world, 'broken', 'more'))).toMatchObject({ reason: 'OVERLOADED', limit: 6 });
    for (let n = 0; n < 30; n += 1) {
      expect(await titled(world, 'healthy', `t${n}`)).toMatchObject({ version: n + 2 });
      await world.clock.advance(1_000);
    }
    const refused = await refusal(titled(world, 'broken', 'no more'));
    expect(refused).toMatchObject({ reason: 'OVERLOADED', path: ['campaignId'] });
    expect(refused.message).toContain('cannot be saved since');
    // Several at once, too: its entries do not count against the others.
    await Promise.all(Array.from({ length: 5 }, (_, n) => titled(world, 'healthy', `u${n}`)));
    broken = false;
    // With the next commit, whoever's it is.
    await titled(world, 'healthy', 'next');
    await world.clock.advance(5_000);
    expect(await titled(world, 'broken', 'saved')).toMatchObject({ version: 8 });
  });

  it('G10 M218 mutations that wait to be decided are bounded, per campaign and over all', async () => {
    const appends = gate();
    const world = engineWorld({
      maxQueuedWeight: 20,
      aroundLog: (log) => ({ ...log, append: (...args) => appends.pass().then(() => log.append(...args)) }),
    });
    for (const name of ['a', 'b', 'c']) await world.create(name);
    appends.shut();
    const { manager } = world;
    const send = (name: string) => manager.mutate(CALLERS.editor, name, setTitle('x'), {});
    const sent = Array.from({ length: 10 }, () => send('a'));
    expect(await refusal(send('a'))).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 1_000 });
    sent.push(...Array.from({ length: 10 }, () => send('b')));
    expect(await refusal(send('c'))).toMatchObject({ reason: 'OVERLOADED' });
    appends.open();
    await world.clock.until(Promise.all(sent));
    await world.clock.until(send('c'));
  });
});
