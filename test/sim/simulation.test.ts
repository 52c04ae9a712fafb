import { describe, expect, it } from 'vitest';
import { FOUND } from './found.ts';
import { mutantPlan, MUTANTS } from './mutants.ts';
import { clusterPlanFor, planFor, relayedPlanFor, targetedPlanFor } from './plan.ts';
import { run } from './run.ts';

/** Enough for every run to be short; `npm run test:sim` plays thousands. */
const SEEDS = 200;
/** Runs within which each mutant is found, with room. */
const MUTANT_SEEDS = 400;

describe('the simulation', () => {
  it.each(FOUND)('Z1 what it found once stays fixed: $what', async ({ plan }) => {
    expect((await run(plan)).violation).toBeUndefined();
  });

  it(
    `Z2 G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 hold over crashes, restarts, lost replies and failing batches: ${SEEDS} seeds`,
    { timeout: 240_000 },
    async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violation, journal } = await run(planFor(seed));
        expect(
          violation,
          `seed ${seed}; npm run test:sim -- --seed ${seed}\n${journal.slice(-20).join('\n')}`,
        ).toBeUndefined();
      }
    },
  );

  it(
    `Z5 they hold for several servers over one log, which is lost, restarted, replaced by a stale replica, and not heard: ${SEEDS} seeds`,
    { timeout: 240_000 },
    async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violation, journal } = await run(clusterPlanFor(seed));
        expect(
          violation,
          `seed ${seed}; npm run test:sim -- --cluster --seed ${seed}\n${journal.slice(-20).join('\n')}`,
        ).toBeUndefined();
      }
    },
  );

  it(
    `Z6 G1 G6 G9 G11 hold for each viewer's own projection, while rules change: ${SEEDS} seeds`,
    { timeout: 240_000 },
    async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violation, journal } = await run(targetedPlanFor(seed));
        expect(
          violation,
          `seed ${seed}; npm run test:sim -- --targeting --seed ${seed}\n${journal.slice(-20).join('\n')}`,
        ).toBeUndefined();
      }
    },
  );

  it(
    `Z7 they hold for the clients of relays, and of a relay of a relay, that crash, stand still and lose their upstream: ${SEEDS} seeds`,
    { timeout: 240_000 },
    async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violation, journal } = await run(relayedPlanFor(seed));
        expect(
          violation,
          `seed ${seed}; npm run test:sim -- --relays --seed ${seed}\n${journal.slice(-20).join('\n')}`,
        ).toBeUndefined();
      }
    },
  );

  it('Z3 the same seed plays the same run', async () => {
    const [first, second] = [await run(planFor(11)), await run(planFor(11))];
    expect(second.journal).toEqual(first.journal);
    expect(first.journal.length).toBeGreaterThan(50);
  });

  it.each(MUTANTS)('Z4 finds a mutant: $name', { timeout: 240_000 }, async (mutant) => {
    for (let seed = 1; seed <= MUTANT_SEEDS; seed += 1) {
      if ((await run(mutantPlan(mutant, seed), mutant)).violation) return;
    }
    throw new Error(`it lived for ${MUTANT_SEEDS} seeds`);
  });
});
