import { describe, expect, it } from 'vitest';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle, type EngineWorld } from '../../support/engine-world.ts';

/**
 * `refused`: nothing was done; `unheard`: it was done, and the answer was lost; `lost`: the log says that it has
 * another line.
 */
type Fault = 'refused' | 'unheard' | 'lost';

/** A world whose next appends fail in these ways. */
function worldWithFaults(): EngineWorld & { faults: Fault[]; appends: () => number } {
  const faults: Fault[] = [];
  let appends = 0;
  const world = engineWorld({
    aroundLog: (log) => ({
      ...log,
      async append(...args) {
        appends += 1;
        const fault = faults.shift();
        if (fault === 'lost') return { kind: 'lost' };
        if (fault === 'refused') throw new Error('no connection');
        const answer = await log.append(...args);
        if (fault === 'unheard') throw new Error('no answer');
        return answer;
      },
    }),
  });
  return Object.assign(world, { faults, appends: () => appends });
}

describe('an append whose outcome is not known', () => {
  it.each<Fault[][]>([[['refused']], [['unheard']], [['unheard', 'refused']], [['refused', 'unheard', 'unheard']]])(
    'G3 M40 is retried until its outcome is known, and applied once: %j',
    async (faults) => {
      const world = worldWithFaults();
      const { manager, clock } = world;
      await world.create();
      world.faults.push(...faults);
      const receipts = await clock.until(
        Promise.all([
          manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm1' }),
          manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), { mutationId: 'm2' }),
          manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('two'), {}),
        ]),
      );
      expect(receipts).toMatchObject([
        { version: 2, changed: true, mutationId: 'm1' },
        { version: 3, changed: true, mutationId: 'm2' },
        { version: 3, changed: false },
      ]);
      expect(await world.state()).toMatchObject({ title: 'two' });
      expect((await manager.history(CALLERS.viewer, CAMPAIGN, { limit: 10 })).items).toHaveLength(3);
    },
  );

  it('M41 also where the archive has committed it meanwhile, so that the log has trimmed it', async () => {
    const world = worldWithFaults();
    await world.create();
    world.faults.push('unheard', 'refused', 'refused');
    const change = world.manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' });
    await world.clock.advance(10);
    expect(await world.archive.heads([CAMPAIGN])).toMatchObject([{ head: { version: 2 } }]);
    expect(await world.clock.until(change)).toMatchObject({ version: 2, durability: 'durable' });
    expect((await world.archive.heads([CAMPAIGN]))[0]?.head.version).toBe(2);
  });

  it('M42 blocks the queue of its campaign alone, and ends after the timeout with UNAVAILABLE under the mutation id', async () => {
    const world = worldWithFaults();
    const { manager, clock } = world;
    await world.create();
    world.faults.push(...Array.from({ length: 200 }, (): Fault => 'refused'));
    const began = clock.now();
    const first = refusal(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('one'), { mutationId: 'm' }));
    expect(await clock.until(first)).toMatchObject({ reason: 'UNAVAILABLE', retryAfterMs: 1_000, mutationId: 'm' });
    expect(clock.now() - began).toBeGreaterThan(3_000);
    expect(clock.now() - began).toBeLessThanOrEqual(5_000);
    world.faults.length = 0;
    expect(await world.title('one', { mutationId: 'm' })).toMatchObject({ version: 2 });
  });

  it('M43 one that was appended after all is found when its mutation is sent again', async () => {
    const world = worldWithFaults();
    await world.create();
    world.faults.push('unheard', ...Array.from({ length: 20 }, (): Fault => 'refused'));
    expect(await refusal(world.title('one', { mutationId: 'm' }))).toMatchObject({ reason: 'UNAVAILABLE' });
    world.faults.length = 0;
    await world.title('two');
    expect(await world.title('one', { mutationId: 'm' })).toMatchObject({ version: 2 });
    expect(await world.state()).toMatchObject({ title: 'two' });
  });

  it('M44 a log that keeps losing the timeline is not asked in an endless loop', async () => {
    const world = worldWithFaults();
    await world.create();
    world.faults.push(...Array.from({ length: 100_000 }, (): Fault => 'lost'));
    expect(await refusal(world.title('one', { mutationId: 'm' }))).toMatchObject({ reason: 'UNAVAILABLE' });
    expect(world.appends()).toBeLessThan(100);
    world.faults.length = 0;
    expect(await world.title('one')).toMatchObject({ changed: true });
  });
});
