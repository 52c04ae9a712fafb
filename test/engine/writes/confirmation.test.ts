import { describe, expect, it } from 'vitest';
import { emptyLockTable } from '../../../server/core/locks/lock-table.ts';
import type { OrderedLog } from '../../../server/engine/ports.ts';
import { CALLERS, CAMPAIGN, engineWorld, refusal, setTitle, type EngineWorld } from '../../support/engine-world.ts';
import { createMemoryLog } from '../../../server/log/memory-log.ts';
import { gate, type Gate } from '../../support/gate.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

/** A world in which the test decides when an append reaches the log. */
function worldWithSlowAppends(): EngineWorld & { appends: Gate; plainLog: OrderedLog } {
  const appends = gate();
  const plainLog = createMemoryLog();
  const world = engineWorld({
    aroundLog: () => ({
      ...plainLog,
      async append(...args) {
        await appends.pass();
        return plainLog.append(...args);
      },
    }),
  });
  return { ...world, appends, plainLog };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const waiting = Symbol('waiting');
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(waiting)])) === waiting;
}

describe('confirmation', () => {
  it('M30 rejections, no-ops and dry runs are answered only once the log has confirmed what they rest on', async () => {
    const { manager, clock, create, appends } = worldWithSlowAppends();
    await create();
    appends.shut();
    const answers = [
      refusal(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { expectedVersion: 7 })),
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('Summer'), {}),
      manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { dryRun: true }),
      refusal(manager.mutate(CALLERS.editor, CAMPAIGN, { type: 'rollback', toVersion: 7 }, {})),
    ];
    await clock.advance(1_000);
    for (const answer of answers) expect(await isPending(answer)).toBe(true);
    appends.open();
    const [rejected, unchanged, dry, missing] = await clock.until(Promise.all(answers));
    expect(rejected).toMatchObject({ reason: 'CONFLICT' });
    expect(unchanged).toMatchObject({ changed: false, version: 1 });
    expect(dry).toMatchObject({ dryRun: true, changed: true });
    expect(missing).toMatchObject({ reason: 'NOT_FOUND' });
  });

  it('M31 a change of another instance is noticed by the confirmation, and decided on', async () => {
    const { manager, clock, create, appends, plainLog, archive, state } = worldWithSlowAppends();
    await create();
    appends.shut();
    const stale = manager.mutate(
      CALLERS.editor,
      CAMPAIGN,
      { type: 'updateFeatures', features: ['a'], action: 'remove' },
      {},
    );
    const wrongVersion = refusal(manager.mutate(CALLERS.editor, CAMPAIGN, setTitle('x'), { expectedVersion: 7 }));
    await clock.settle();
    // Another instance on the same log, which has kept its line.
    const other = engineWorld({
      clock: simulatedClock(2),
      aroundLog: () => ({ ...plainLog, open: unheard(plainLog) }),
      aroundArchive: () => ({ ...archive, commit: () => new Promise(() => undefined) }),
    });
    const added = other.manager.mutate(
      CALLERS.editor,
      CAMPAIGN,
      { type: 'updateFeatures', features: ['a', 'b'], action: 'set' },
      {},
    );
    await clock.settle();
    appends.open();
    expect(await clock.until(added)).toMatchObject({ version: 2 });
    expect(await clock.until(stale)).toMatchObject({ changed: true, version: 3 });
    expect(await clock.until(wrongVersion)).toMatchObject({
      reason: 'CONFLICT',
      position: expect.stringMatching(/:3$/),
    });
    expect(await state()).toMatchObject({ features: ['b'] });
  });
});

/** Opens without taking the first instance's place as the listener. */
function unheard(log: OrderedLog): OrderedLog['open'] {
  return async (campaignId, generation, archived) => {
    const entries = await log.remainder(campaignId, archived);
    return {
      kind: 'opened',
      head: archived,
      durableVersion: archived.version,
      entries,
      locks: emptyLockTable(generation),
    };
  };
}
