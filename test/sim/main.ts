import { parseArgs } from 'node:util';
import { mutantPlan, MUTANTS } from './mutants.ts';
import { clusterPlanFor, planFor, relayedPlanFor, targetedPlanFor, type Plan } from './plan.ts';
import { run } from './run.ts';
import { FOUND } from './found.ts';
import { shrink } from './shrink.ts';
import { runLocks } from './locks/run.ts';
import type { Mutant } from './world.ts';

/**
 * Plays simulated histories of the service, and looks for one that breaks a guarantee.
 *
 *     npm run test:sim -- --seeds 5000 the first 5,000 seeds npm run test:sim -- --seed 7 this one, with its whole
 *     journal; with --cluster, of several servers over one log; with --targeting, with rules and viewers; with
 *     --relays, behind relays; with --locks, of actors that lock npm run test:sim -- --mutants every mutant, until
 *     it is found
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    cluster: { type: 'boolean', default: false },
    targeting: { type: 'boolean', default: false },
    relays: { type: 'boolean', default: false },
    locks: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
  },
});

/** Lines of a journal that are shown of a failure; what led to it stands at its end. */
const SHOWN = 80;
/** A mutant that lives so long has not been found. */
const MAX_SEEDS_PER_MUTANT = 2_000;

const began = performance.now();
const fine = values.locks
  ? await playLocks()
  : values.mutants
    ? await findMutants()
    : values.seed === undefined
      ? await playMany()
      : await playOne(Number(values.seed));
process.exitCode = fine ? 0 : 1;

/** Histories of locks, which have a world of their own. */
async function playLocks(): Promise<boolean> {
  const from = Number(values.seed ?? values.from);
  const count = values.seed === undefined ? Number(values.seeds) : 1;
  for (let seed = from; seed < from + count; seed += 1) {
    const { violation, journal } = await runLocks(seed);
    sayProgress(seed - from + 1, count);
    if (violation !== undefined) {
      console.log(`seed ${seed}: ${violation}\n${journal.slice(-SHOWN).join('\n')}`);
      return false;
    }
  }
  console.log(`${count} runs of locks: nothing was ordered past a lock, or under one that was lost`);
  return true;
}

/** A line now and then, so that a long run is seen to go on. */
function sayProgress(done: number, of: number): void {
  if (done % 500 === 0 && done < of)
    console.log(`${done} of ${of}, ${((performance.now() - began) / 1_000).toFixed(0)} s`);
}

async function playMany(): Promise<boolean> {
  const from = Number(values.from);
  const count = Number(values.seeds);
  const met = new Map<string, number>();
  let entries = 0;
  const plans = [
    ...FOUND.map(({ plan }) => plan),
    ...Array.from({ length: count }, (_, index) => plansFor(from + index)).flat(),
  ];
  for (const [index, plan] of plans.entries()) {
    const outcome = await run(plan);
    sayProgress(index + 1, plans.length);
    entries += outcome.entries;
    for (const [what, times] of outcome.met) met.set(what, (met.get(what) ?? 0) + times);
    if (outcome.violation) {
      await show(plan);
      return false;
    }
  }
  const seconds = (performance.now() - began) / 1_000;
  console.log(
    `${plans.length} runs, ${entries} entries, ${seconds.toFixed(1)} s (${Math.round((plans.length / seconds) * 60)} a minute): every guarantee held`,
  );
  console.log(
    [...met]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, times]) => `  ${what}: ${times}`)
      .join('\n'),
  );
  return true;
}

/** The runs of a seed; with `--targeting` that with rules alone, with `--relays` that behind relays. */
function plansFor(seed: number): Plan[] {
  if (values.targeting) return [targetedPlanFor(seed)];
  if (values.relays) return [relayedPlanFor(seed)];
  return [planFor(seed), clusterPlanFor(seed), targetedPlanFor(seed), relayedPlanFor(seed)];
}

async function playOne(seed: number): Promise<boolean> {
  const special = values.targeting ? targetedPlanFor : values.relays ? relayedPlanFor : planFor;
  const planOf = values.cluster ? clusterPlanFor : special;
  const outcome = await run(planOf(seed));
  console.log(outcome.journal.join('\n'));
  console.log(outcome.violation ? `seed ${seed}: ${outcome.violation.message}` : `seed ${seed}: every guarantee held`);
  return outcome.violation === undefined;
}

async function findMutants(): Promise<boolean> {
  let alive = 0;
  for (const mutant of MUTANTS) {
    const seed = await find(mutant);
    if (seed === undefined) alive += 1;
    const violation = seed === undefined ? undefined : (await run(mutantPlan(mutant, seed), mutant)).violation;
    console.log(
      `${violation ? `found, seed ${seed}` : `ALIVE after ${MAX_SEEDS_PER_MUTANT} seeds`}: ${mutant.name}${violation ? `\n    ${violation.message.slice(0, 200)}` : ''}`,
    );
  }
  return alive === 0;
}

async function find(mutant: Mutant): Promise<number | undefined> {
  for (let seed = 1; seed <= MAX_SEEDS_PER_MUTANT; seed += 1) {
    if ((await run(mutantPlan(mutant, seed), mutant)).violation) return seed;
  }
  return undefined;
}

/** The seed, and the shortest trace that fails in the same way. */
async function show(plan: Plan): Promise<void> {
  const { plan: least, outcome } = await shrink({ plan, outcome: await run(plan) });
  console.log(outcome.journal.slice(-SHOWN).join('\n'));
  console.log(`\nseed ${plan.seed} fails; ${least.steps.length} of its ${plan.steps.length} steps are enough:`);
  for (const step of least.steps) console.log(`  ${JSON.stringify(step)}`);
  console.log(`\n${outcome.violation?.message}`);
}
