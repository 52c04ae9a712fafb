import { describe, expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../../server/archive/memory-archive.ts';
import type { EventRows } from '../../../server/core/analytics/unit-rows.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { createManager, type Manager } from '../../../server/engine/manager.ts';
import { CALLERS, FIRST_STATE } from '../../support/engine-world.ts';
import { connectSharedLog, createSharedLogStore } from '../../support/shared-log.ts';
import { simulatedClock } from '../../support/simulated-clock.ts';

const CAMPAIGN = 'summer';
const MINUTE = 60_000;
const LOOK = 10_000;

const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  coverage: 0,
  description: 'a lower price',
  arms: { now: { weight: 1, change: {} }, lower: { weight: 1, change: { merge: { description: 'lower' } } } },
  metrics: { errors: { goal: 'error', type: 'conversion', better: 'down', role: 'guardrail' } },
};

/** Instances on one log, one archive and one clock. */
async function cluster(
  instances: number,
  rule: Partial<RuleInput>,
  beforeCount = async (): Promise<void> => undefined,
) {
  const clock = simulatedClock();
  const logs = createSharedLogStore();
  const store = createMemoryStore();
  const start = (index: number): Manager => {
    const archive = createMemoryArchive({ store, soleUser: false });
    const log = connectSharedLog(logs, { clock, instance: `i${index}` });
    const countUnits: typeof archive.countUnits = async (phase) => {
      await beforeCount();
      return archive.countUnits(phase);
    };
    return createManager({ log, archive, clock, analytics: { store: { ...archive, countUnits }, key: 'k' } });
  };
  const managers = Array.from({ length: instances }, (_, index) => start(index));
  const [first] = managers;
  if (!first) throw new Error('no instance');
  await clock.until(first.create(CALLERS.admin, CAMPAIGN, { ...FIRST_STATE }, {}));
  const command = { type: 'updateRule' as const, key: 'price', rule: { ...RULE, ...rule } };
  await clock.until(first.mutate(CALLERS.editor, CAMPAIGN, command, { durability: 'durable' }));
  for (const manager of managers) await clock.until(manager.get(CALLERS.viewer, CAMPAIGN));
  const history = async () =>
    (await clock.until(first.history(CALLERS.admin, CAMPAIGN, { limit: 50 }))).items
      .filter(({ actor }) => actor.id === 'system')
      .reverse();
  const ruleNow = async () => {
    const { state } = await clock.until(first.get(CALLERS.admin, CAMPAIGN));
    // A document came as JSON; its type has `unknown` in the open parts.
    return readTargeting(state as JsonObject)?.rules[0];
  };
  return {
    clock,
    store,
    managers,
    first,
    history,
    ruleNow,
    start,
    archive: createMemoryArchive({ store, soleUser: false }),
  };
}

/** Units of an arm, of which so many have had an error. */
function units(arm: string, from: number, count: number, errors: number): EventRows {
  const place = { campaignId: CAMPAIGN, at: 1, epoch: 'e', version: 2 };
  const rows = Array.from({ length: count }, (_, index) => ({ ...place, unit: `${arm}${from + index}` }));
  return {
    exposures: rows.map((row) => ({
      ...row,
      rule: 'price',
      phase: 1,
      verified: true,
      arm,
      split: '{"lower":5000,"now":5000}',
      multiple: false,
    })),
    goals: rows.slice(0, errors).map((row) => ({ ...row, goal: 'error', id: 'g', value: 0 })),
    paints: [],
  };
}

describe('guided rules', () => {
  test('E30 a ramp goes on by time and by units, each step once by whichever of three instances, over a crash', async () => {
    const ramp = [
      { coverage: 0.1, for: { minutes: 30 } },
      { coverage: 0.5, for: { units: 20 } },
      { coverage: 1, for: { minutes: 1 } },
    ];
    const { clock, managers, history, ruleNow, start, archive } = await cluster(3, { ramp });
    await clock.advance(3 * LOOK);
    expect(await ruleNow()).toMatchObject({ coverage: 0.1, step: 0, status: 'running' });
    await clock.advance(29 * MINUTE);
    expect(await ruleNow()).toMatchObject({ step: 0 });
    // One of them is gone, and another one has come that knows nothing.
    await clock.until(Promise.resolve(managers[1]?.stop(0)), 60_000);
    await clock.until(start(7).get(CALLERS.viewer, CAMPAIGN));
    await clock.advance(2 * MINUTE);
    expect(await ruleNow()).toMatchObject({ coverage: 0.5, step: 1 });
    await clock.advance(60 * MINUTE);
    expect(await ruleNow()).toMatchObject({ step: 1 });
    await archive.recordEvents(units('now', 0, 10, 0));
    await archive.recordEvents(units('lower', 0, 10, 0));
    await clock.advance(3 * LOOK);
    expect(await ruleNow()).toMatchObject({ coverage: 1, step: 2 });
    await clock.advance(60 * MINUTE);
    const entries = await history();
    expect(entries.map(({ type, comment }) => [type, comment])).toEqual([
      ['updateRule', 'step 1 of 3 of its ramp'],
      ['updateRule', 'step 2 of 3 of its ramp'],
      ['updateRule', 'step 3 of 3 of its ramp'],
    ]);
    expect(new Set(entries.map(({ mutationId }) => mutationId)).size).toBe(3);
    // What the evaluation does not read is still there, and nobody has lost an arm.
    expect(entries.every(({ change }) => !JSON.stringify(change).includes('description'))).toBe(true);
  });

  test.each(['pause', 'rollback'] as const)(
    'E31 a rule that harms what it is guarded by is held once: %s',
    async (onRegress) => {
      const guard = { metrics: ['errors'], onRegress };
      const { clock, history, ruleNow, archive, first } = await cluster(3, { coverage: 1, guard });
      await archive.recordEvents(units('now', 0, 2_000, 100));
      await archive.recordEvents(units('lower', 0, 2_000, 110));
      await clock.advance(3 * LOOK);
      expect(await ruleNow()).toMatchObject({ status: 'running' });
      await archive.recordEvents(units('lower', 2_000, 100, 100));
      await clock.advance(3 * LOOK);
      expect(await ruleNow()).toMatchObject({ status: onRegress === 'pause' ? 'paused' : 'ended' });
      const entries = await history();
      expect(entries).toHaveLength(1);
      expect(entries[0]?.comment).toMatch(/^lower makes errors worse: \+/);
      if (onRegress === 'rollback') return;
      // Whoever lets it run again has the last word.
      const command = { type: 'updateRule' as const, key: 'price', rule: { ...RULE, coverage: 1, guard } };
      await clock.until(first.mutate(CALLERS.editor, CAMPAIGN, command, {}));
      await clock.advance(10 * LOOK);
      expect(await ruleNow()).toMatchObject({ status: 'running' });
      expect(await history()).toHaveLength(1);
    },
  );

  test('E32 an arm from which people are missing holds the ramp', async () => {
    const ramp = [
      { coverage: 0.1, for: { minutes: 1 } },
      { coverage: 1, for: { minutes: 1 } },
    ];
    const { clock, ruleNow, archive } = await cluster(1, { ramp });
    await archive.recordEvents(units('now', 0, 1_000, 0));
    await archive.recordEvents(units('lower', 0, 700, 0));
    await clock.advance(10 * MINUTE);
    expect(await ruleNow()).not.toHaveProperty('step');
    await archive.recordEvents(units('lower', 700, 300, 0));
    await clock.advance(10 * MINUTE);
    expect(await ruleNow()).toMatchObject({ step: 1 });
  });

  test('E34 what an editor changes while the server decides stays, and the step is made on top of it', async () => {
    const ramp = [{ coverage: 0.1, for: { minutes: 1 } }];
    let edit: (() => Promise<unknown>) | undefined;
    const world = await cluster(1, { ramp }, async () => {
      const once = edit;
      edit = undefined;
      await once?.();
    });
    const command = { type: 'updateRule' as const, key: 'price', rule: { ...RULE, ramp, order: 7 } };
    edit = () => world.first.mutate(CALLERS.editor, CAMPAIGN, command, {});
    await world.clock.advance(LOOK);
    expect(await world.ruleNow()).toMatchObject({ order: 7, coverage: 0 });
    await world.clock.advance(LOOK);
    expect(await world.ruleNow()).toMatchObject({ order: 7, coverage: 0.1, step: 0 });
  });

  test('E33 units of an ended rule go after their time, by a job of any instance', async () => {
    const { clock, archive, first } = await cluster(2, { coverage: 1 });
    const key = { campaignId: CAMPAIGN, rule: 'price', phase: 1 };
    const startedAt = clock.now();
    const rows = units('now', 0, 5, 5);
    const at = startedAt;
    await archive.recordEvents({
      ...rows,
      exposures: rows.exposures.map((row) => ({ ...row, at })),
      goals: rows.goals.map((row) => ({ ...row, at })),
    });
    const day = 24 * 60 * MINUTE;
    await clock.advance(4 * 60 * MINUTE);
    expect(await archive.countUnits(key)).toHaveLength(1);
    await clock.until(
      first.mutate(
        CALLERS.editor,
        CAMPAIGN,
        { type: 'updateRule', key: 'price', rule: { ...RULE, status: 'ended' } },
        {},
      ),
    );
    await clock.advance(2 * 60 * MINUTE);
    expect((await archive.listPhases())[0]?.endedAt).toBeGreaterThan(startedAt + 4 * 60 * MINUTE - 1);
    await archive.markPhases([{ ...key, endedAt: clock.now() - 91 * day }]);
    await clock.advance(2 * 60 * MINUTE);
    expect(await archive.countUnits(key)).toEqual([]);
  });
});
