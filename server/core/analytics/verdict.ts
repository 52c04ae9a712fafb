import type { Metric } from '../document/targeting-fields.ts';
import { anytimeHalfWidth, SEQUENCE_TUNING, type Comparison, type Interval, type Sample } from './comparison.ts';
import type { ArmResult, MetricOfArm, MetricResult } from './results.ts';
import type { SampleRatio } from './sample-ratio.ts';

/** What a comparison comes to, by the interval that is valid at every look. */
export type Effect = 'better' | 'worse' | 'none yet';

/** Conversions of both arms below which an interval is not trusted: it rests on sums that are about normal. */
const MIN_CONVERSIONS = 50;
/** The lift that "too early" is about. */
const SOUGHT_LIFT = 0.05;
/** A test of the sought lift finds it with this many standard errors to spare: 80 %. */
const POWER_ERRORS = 0.8416;

/**
 * What a comparison comes to. Both intervals must leave out 0: that of a lift is wider upwards, for it takes in what is
 * not known of the control, and nobody should read of an effect beside an interval that says there may be none.
 *
 * @param conversions of both arms
 */
export function effectOf(
  { difference, lift }: Comparison,
  { better }: Pick<Metric, 'better'>,
  conversions: number,
): Effect {
  const intervals = [difference.anytime, ...(lift ? [lift.anytime] : [])];
  if (conversions < MIN_CONVERSIONS || intervals.some(([low, high]) => low <= 0 && high >= 0)) return 'none yet';
  return difference.anytime[0] > 0 === (better === 'up') ? 'better' : 'worse';
}

/** The verdict on one metric, in one sentence. */
export function verdictOf(
  name: string,
  metric: Metric,
  arms: readonly MetricOfArm[],
  { base, alpha }: { readonly base: Sample | undefined; readonly alpha: number },
): string {
  const compared = arms.filter(({ comparison }) => comparison !== undefined);
  if (compared.length === 0) return `Too early: ${name} has nothing to compare yet.`;
  const worse = compared.filter(({ effect }) => effect === 'worse');
  const better = compared.filter(({ effect }) => effect === 'better');
  const sentences = [
    ...worse.map((arm) => `${arm.arm} makes ${name} worse: ${liftIn(arm)}.`),
    ...better.map((arm) => `${arm.arm} makes ${name} better: ${liftIn(arm)}.`),
  ];
  if (sentences.length > 0) return sentences.join(' ');
  const more = Math.max(
    ...compared.map(({ units, mean }) => (base ? missingUnits(base, units, mean, arms, alpha) : 0)),
  );
  if (more > 0)
    return `Too early: about ${inWords(more)} more people for an effect of ${SOUGHT_LIFT * 100} % on ${name}.`;
  return `No effect of ${SOUGHT_LIFT * 100} % or more on ${name} has shown: ${compared.map(liftIn).join('; ')}.`;
}

/** The verdict on a rule: what must be known first comes first. */
export function overallVerdict({
  arms,
  sampleRatio,
  metrics,
}: {
  readonly arms: readonly ArmResult[];
  readonly sampleRatio: SampleRatio | undefined;
  readonly metrics: readonly (readonly [string, MetricResult])[];
}): string {
  if (arms.every(({ units }) => units === 0)) return 'Nobody has been seen yet.';
  if (sampleRatio?.isBroken === true) {
    const shown = arms.map(({ arm, units, expected }) => `${arm} ${count(units)} of ${count(expected)}`).join(', ');
    return `Do not trust these numbers: people are missing from an arm (${shown} that were due).`;
  }
  const harmed = metrics.filter(([, metric]) => metric.role === 'guardrail' && isWorse(metric));
  if (harmed.length > 0) return harmed.map(([, metric]) => metric.verdict).join(' ');
  const [goal] = metrics.filter(([, metric]) => metric.role === 'goal');
  return goal?.[1].verdict ?? metrics[0]?.[1].verdict ?? 'This rule has no metrics.';
}

function isWorse({ arms }: MetricResult): boolean {
  return arms.some(({ effect }) => effect === 'worse');
}

/** Units that are missing, over all arms, until a lift of the sought size would be found, about. */
function missingUnits(base: Sample, units: number, mean: number, arms: readonly MetricOfArm[], alpha: number): number {
  if (!(base.mean > 0) || base.units < 2 || units < 2) return 0;
  const pair = base.units + units;
  // The variance of a lift, times the units of both: it stays about the same while they grow.
  const spread =
    (base.variance / base.mean ** 2) * (1 / (base.units / pair) + (mean / base.mean) ** 2 / (units / pair));
  const isEnough = (all: number): boolean => {
    const error = Math.sqrt(spread / all);
    return anytimeHalfWidth(error, all, alpha, SEQUENCE_TUNING) + POWER_ERRORS * error <= SOUGHT_LIFT;
  };
  let [low, high] = [pair, pair];
  while (!isEnough(high) && high < 1e12) [low, high] = [high, high * 2];
  while (high - low > high * 0.01) {
    const middle = (low + high) / 2;
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  const total = arms.reduce((sum, arm) => sum + arm.units, 0);
  return high <= pair ? 0 : ((high - pair) / pair) * total;
}

function liftIn({ comparison, mean }: MetricOfArm): string {
  const { lift, difference } = comparison ?? {};
  if (lift) return `${signed(lift.estimate)} (between ${range(lift.anytime)}), however often one looks`;
  return difference ? `a mean of ${round(mean)} (${round(difference.estimate)} more than the control)` : '';
}

function range([low, high]: Interval): string {
  return `${signed(low)} and ${signed(high)}`;
}

function signed(share: number): string {
  const percent = Math.round(share * 1_000) / 10;
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${Math.abs(percent)} %`;
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A number of people with two digits that matter. */
function inWords(people: number): string {
  return count(Number(people.toPrecision(2)));
}

/** With separators; by hand, because locales differ between machines. */
function count(units: number): string {
  return String(Math.round(units)).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
