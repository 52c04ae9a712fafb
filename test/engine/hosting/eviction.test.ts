import { describe, expect, it } from 'vitest';
import { CALLERS, CAMPAIGN, engineWorld, setTitle } from '../../support/engine-world.ts';
import { gate } from '../../support/gate.ts';
import { watch } from '../../support/watching.ts';

const IDLE = 1_000;

describe('eviction', () => {
  it('G10 M100 an idle campaign leaves memory and log, and is loaded again with the same epoch, version and tail', async () => {
    const world = engineWorld({ idleTtl: IDLE });
    await world.create();
    const receipt = await world.title('one');
    const [before] = await world.archive.heads([CAMPAIGN]);
    await world.clock.advance(2 * IDLE);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await world.archive.load(CAMPAIGN, 0)).toMatchObject({ membership: { active: false } });
    expect(await world.clock.until(world.manager.get(CALLERS.viewer, CAMPAIGN))).toMatchObject({
      epoch: receipt.epoch,
      version: 2,
    });
    const next = await world.title('two');
    expect(next).toMatchObject({ epoch: receipt.epoch, version: 3 });
    await world.clock.advance(100);
    const { items } = await world.manager.history(CALLERS.viewer, CAMPAIGN, { limit: 3 });
    expect(items.map(({ version }) => version)).toEqual([3, 2, 1]);
    const [after] = await world.archive.heads([CAMPAIGN]);
    expect(after?.head.tail).not.toBe(before?.head.tail);
  });

  it('M101 a campaign in use stays: by reads, by a subscriber, by a caller that waits', async () => {
    const world = engineWorld({ idleTtl: IDLE });
    await world.create();
    for (let n = 0; n < 10; n += 1) {
      await world.clock.advance(IDLE / 2);
      await world.manager.get(CALLERS.viewer, CAMPAIGN);
    }
    expect(world.manager.stats().campaigns).toBe(1);
    const watching = watch(world.manager);
    await world.clock.advance(10 * IDLE);
    expect(world.manager.stats()).toMatchObject({ campaigns: 1, subscribers: 1 });
    watching.abort();
    await world.clock.advance(IDLE / 2);
    // Who comes back soon finds it where it was.
    expect(world.manager.stats()).toMatchObject({ campaigns: 1, subscribers: 0 });
    await world.clock.advance(2 * IDLE);
    expect(world.manager.stats().campaigns).toBe(0);
  });

  it('M102 a campaign that is not durable stays, however long the archive is away', async () => {
    const commits = gate();
    const world = engineWorld({
      idleTtl: IDLE,
      aroundArchive: (archive) => ({
        ...archive,
        async commit(parts) {
          await commits.pass();
          return archive.commit(parts);
        },
      }),
    });
    await world.create();
    commits.shut();
    await world.title('one');
    await world.clock.advance(20 * IDLE);
    expect(world.manager.stats().campaigns).toBe(1);
    commits.open();
    await world.clock.advance(2 * IDLE);
    expect(world.manager.stats().campaigns).toBe(0);
    expect(await world.state()).toMatchObject({ title: 'one' });
  });

  it('M103 a call during the eviction waits until it has ended, and nothing is lost', async () => {
    const leaving = gate();
    const world = engineWorld({
      idleTtl: IDLE,
      aroundArchive: (archive) => ({
        ...archive,
        async leaveLog(...args) {
          await leaving.pass();
          return archive.leaveLog(...args);
        },
      }),
    });
    const { epoch } = await world.create();
    leaving.shut();
    await world.clock.advance(2 * IDLE);
    expect(leaving.waiting).toBe(1);
    const change = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), {});
    const watching = watch(world.manager);
    await world.clock.advance(100);
    expect(watching.events).toEqual([]);
    leaving.open();
    expect(await world.clock.until(change)).toMatchObject({ epoch, version: 2 });
    expect(watching.mirror).toMatchObject({ epoch, version: 2 });
  });

  it('M104 an eviction that fails half-way costs an epoch, and no position', async () => {
    const world = engineWorld({
      idleTtl: IDLE,
      aroundArchive: (archive) => ({ ...archive, leaveLog: () => Promise.reject(new Error('away')) }),
    });
    await world.create();
    const before = await world.title('one');
    await world.clock.advance(2 * IDLE);
    expect(world.manager.stats().campaigns).toBe(0);
    const watching = watch(world.manager, { lastEventId: before.position });
    const after = await world.title('two', { expectedVersion: before.position });
    expect(after).toMatchObject({ version: 3 });
    expect(after.epoch).not.toBe(before.epoch);
    expect(watching.events[0]).toMatchObject({ event: { type: 'entries' } });
  });
});
