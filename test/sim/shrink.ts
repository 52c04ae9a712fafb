import type { Plan } from './plan.ts';
import { run, type Outcome } from './run.ts';
import type { Mutant } from './world.ts';

/** A plan that fails, and how. */
export interface Failure {
  plan: Plan;
  outcome: Outcome;
}

/**
 * Leaves out of a failing plan what it does not need to fail: ever smaller runs of steps, as long as what is left still
 * breaks the same guarantee. The waits of what is left out are kept, so that the rest happens at its time.
 *
 * @param tries runs that this may cost, at most
 */
export async function shrink(failure: Failure, mutant?: Mutant, tries = 300): Promise<Failure> {
  const guarantee = failure.outcome.violation?.guarantee;
  let best = failure;
  let left = tries;
  for (let size = Math.ceil(best.plan.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.plan.steps.length && left > 0;) {
      const plan = without(best.plan, from, size);
      const outcome = await run(plan, mutant);
      left -= 1;
      if (outcome.violation?.guarantee === guarantee) best = { plan, outcome };
      else from += size;
    }
  }
  return best;
}

function without(plan: Plan, from: number, count: number): Plan {
  const gone = plan.steps.slice(from, from + count);
  const [next, ...rest] = plan.steps.slice(from + count);
  const waited = gone.reduce((sum, { wait }) => sum + wait, 0);
  return {
    ...plan,
    steps: [...plan.steps.slice(0, from), ...(next ? [{ ...next, wait: next.wait + waited }] : []), ...rest],
  };
}
