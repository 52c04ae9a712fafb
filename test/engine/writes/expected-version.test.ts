import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { engineWorld, refusal } from '../../support/engine-world.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

describe('expectedVersion', () => {
  it('M60 accepts a mutation at the expected version or position, and refuses any other with CONFLICT and the present position', async () => {
    const world = engineWorld();
    const created = await world.create();
    const second = await world.title('one', { expectedVersion: created.position });
    const third = await world.title('two', { expectedVersion: second.version });
    for (const expectedVersion of [2, 4, second.position, `other:${third.version}`, 'no position']) {
      const refused = await refusal(world.title('three', { expectedVersion }));
      expect(refused).toMatchObject({ reason: 'CONFLICT', path: ['expectedVersion'], position: third.position });
    }
    expect(await world.title('three', { expectedVersion: third.position })).toMatchObject({ version: 4 });
  });

  it('M61 a position that was lost is CONFLICT though the version is the same again', async () => {
    const store = createMemoryStore();
    const clock = simulatedClock();
    const before = engineWorld({
      clock,
      memory: { store },
      aroundArchive: (archive) => ({ ...archive, commit: () => new Promise(() => undefined) }),
    });
    const created = await before.create();
    const lost = await before.title('lost');
    // The process is gone, and with it what had not been committed.
    const after = engineWorld({ clock, memory: { store } });
    const survivor = await after.title('kept', { expectedVersion: created.position });
    expect(survivor.version).toBe(lost.version);
    expect(survivor.epoch).not.toBe(lost.epoch);
    expect(await refusal(after.title('x', { expectedVersion: lost.position }))).toMatchObject({
      reason: 'CONFLICT',
      position: survivor.position,
    });
    expect(await after.title('x', { expectedVersion: survivor.position })).toMatchObject({ version: 3 });
  });
});
