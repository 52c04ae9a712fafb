import type { KeyedRule } from '../targeting/targeting.ts';
import type { RuleResults } from './results.ts';

/** What the server has to do with a rule by itself. */
export type Guidance =
  | { readonly kind: 'step'; readonly step: number; readonly coverage: number; readonly why: string }
  | { readonly kind: 'pause' | 'rollback'; readonly why: string };

export interface GuidedRule {
  readonly rule: KeyedRule;
  /** Of its present phase. */
  readonly results: RuleResults;
  /** When the present step of its ramp was made, in epoch milliseconds. */
  readonly steppedAt: number;
  readonly now: number;
}

const MINUTE_MS = 60_000;

/** Whether anything of a rule is for the server to do. */
export function isGuided({ status, ramp, guard }: KeyedRule): boolean {
  return status === 'running' && (ramp !== undefined || guard !== undefined);
}

/**
 * The next thing to do with a rule, if there is one. Harm comes first: a metric of the guard that is worse by the
 * interval that is valid at every look, because every look is one. Then the ramp: its next step, once the present one
 * has held for its time or its units; not while people are missing from an arm.
 */
export function guideRule({ rule, results, steppedAt, now }: GuidedRule): Guidance | undefined {
  if (!isGuided(rule)) return undefined;
  const { ramp = [], guard, step } = rule;
  const harmed = guard?.metrics.find((name) => results.metrics[name]?.arms.some(({ effect }) => effect === 'worse'));
  if (guard && harmed !== undefined) return { kind: guard.onRegress, why: results.metrics[harmed]?.verdict ?? '' };
  if (results.sampleRatio?.isBroken === true) return undefined;
  const present = step === undefined ? undefined : ramp[step];
  const next = step === undefined ? 0 : step + 1;
  const coverage = ramp[next]?.coverage;
  if (coverage === undefined || (step !== undefined && !present)) return undefined;
  if (present && !hasHeld(present.for, results, now - steppedAt)) return undefined;
  return { kind: 'step', step: next, coverage, why: `step ${next + 1} of ${ramp.length} of its ramp` };
}

function hasHeld(
  hold: { minutes: number } | { units: number },
  { arms }: Pick<RuleResults, 'arms'>,
  milliseconds: number,
): boolean {
  if ('minutes' in hold) return milliseconds >= hold.minutes * MINUTE_MS;
  return arms.reduce((sum, { units }) => sum + units, 0) >= hold.units;
}
