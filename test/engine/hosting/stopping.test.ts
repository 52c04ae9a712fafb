import { describe, expect, it } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { asReceipt, CALLERS, CAMPAIGN, engineWorld, refusal, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

describe('stopping', () => {
  it('G5 M110 commits everything that was accepted, returns true, and the next start continues the epoch', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const world = engineWorld({ clock, memory: { store } });
    await world.create();
    const calls = Array.from({ length: 50 }, (_, n) =>
      world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle(`t${n}`), {}),
    );
    const stopped = world.manager.stop(5_000);
    const receipts = (await clock.until(Promise.all(calls))).map(asReceipt);
    expect(await clock.until(stopped)).toBe(true);
    await world.archive.stop({ clean: true });
    const next = engineWorld({ clock, memory: { store } });
    const record = await clock.until(next.manager.get(CALLERS.viewer, CAMPAIGN));
    expect(record).toMatchObject({
      epoch: receipts[0]?.epoch,
      version: 51,
      durableVersion: 51,
      state: { title: 't49' },
    });
  });

  it('M111 mutations that come meanwhile are UNAVAILABLE, reads are answered', async () => {
    const world = engineWorld();
    await world.create();
    const stopped = world.manager.stop(5_000);
    expect(await refusal(world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), {}))).toMatchObject({
      reason: 'UNAVAILABLE',
    });
    expect(await refusal(world.manager.push(CALLERS.editor, CAMPAIGN, []))).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(await world.state()).toMatchObject({ title: 'Summer' });
    expect(await world.clock.until(stopped)).toBe(true);
  });

  it('M112 returns false where the archive did not take everything in time', async () => {
    const world = engineWorld({
      aroundArchive: (archive) => ({
        ...archive,
        commit: () => Promise.reject(new Error('away')),
        ping: () => Promise.reject(new Error('away')),
      }),
    });
    await world.create();
    await world.title('one');
    const began = world.clock.now();
    expect(await world.clock.until(world.manager.stop(3_000))).toBe(false);
    expect(world.clock.now() - began).toBe(3_000);
  });

  it('G2 M113 a mutation that is still being decided at the timeout is not accepted after the last commit', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const lookups = gate();
    const world = engineWorld({
      clock,
      memory: { store },
      // A log that outlives this instance.
      aroundLog: (log) => ({ ...log, stop: () => Promise.resolve() }),
      aroundArchive: (archive) => ({
        ...archive,
        async stateAt(...args) {
          await lookups.pass();
          return archive.stateAt(...args);
        },
      }),
    });
    await world.create();
    await world.title('one');
    await clock.advance(100);
    lookups.shut();
    const late = refusal(world.manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 1 }, {}));
    expect(await clock.until(world.manager.stop(1_000))).toBe(true);
    lookups.open();
    expect(await clock.until(late)).toMatchObject({ reason: 'UNAVAILABLE' });
    const archive = createMemoryArchive({ store });
    expect((await archive.heads([CAMPAIGN]))[0]?.head.version).toBe(2);
  });

  it('M114 leaves no timer behind', async () => {
    const world = engineWorld();
    await world.create();
    await world.title('one');
    await world.clock.until(world.manager.stop(5_000));
    expect(world.clock.timers).toBe(0);
  });
});
