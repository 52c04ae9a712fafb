import type { Metric, Rule } from '../document/targeting-fields.ts';
import { isJsonObject } from '../json.ts';
import { MILLIONTHS } from './analytics-event.ts';
import type { MetricSum, UnitCount } from './analytics-store.ts';
import { compare, type Comparison, type Sample } from './comparison.ts';
import { checkSampleRatio, type SampleRatio } from './sample-ratio.ts';
import { effectOf, overallVerdict, verdictOf, type Effect } from './verdict.ts';

/** One arm of a rule. */
export interface ArmResult {
  readonly arm: string;
  /** Units whose first exposure was to it. */
  readonly units: number;
  /** Its share of all units. */
  readonly share: number;
  /** Units that the ranges of the rule would give it, at the versions at which they came. */
  readonly expected: number;
}

/** A metric in one arm. */
export interface MetricOfArm {
  readonly arm: string;
  readonly units: number;
  /** Units with at least one goal, and their share. */
  readonly conversions: number;
  readonly share: number;
  readonly sum: number;
  /** Of a unit. */
  readonly mean: number;
  /** Absent for the control, and where nothing can be compared. */
  readonly comparison?: Comparison;
  /** What the comparison comes to: decided by the interval that is valid at every look. */
  readonly effect?: Effect;
}

export interface MetricResult extends Metric {
  readonly arms: readonly MetricOfArm[];
  /** One sentence. */
  readonly verdict: string;
}

/** Results of one phase of a rule: a pure function of its rows. */
export interface RuleResults {
  readonly campaignId: string;
  readonly rule: string;
  readonly phase: number;
  /** The arm that others are compared with: the one that changes nothing, else the first. */
  readonly control?: string;
  readonly arms: readonly ArmResult[];
  /** Units that were shown more than one arm. They count for their first. */
  readonly multiple: { readonly units: number; readonly share: number; readonly isHigh: boolean };
  /** Units that claim an arm which the server would not have given them. They count nowhere else. */
  readonly unverified: { readonly units: number; readonly share: number };
  /** Absent while there are too few units. */
  readonly sampleRatio?: SampleRatio;
  readonly metrics: Readonly<Record<string, MetricResult>>;
  readonly verdict: string;
}

/** Probability that an interval of any arm misses, at any look. */
export const ALPHA = 0.05;
/** Share of units in several arms from which they are worth a warning. */
const MULTIPLE_SHARE = 0.01;

/** Computes the results of a phase. */
export function resultsOf(
  about: { readonly campaignId: string; readonly rule: string; readonly phase: number },
  rule: Pick<Rule, 'arms' | 'metrics'>,
  counts: readonly UnitCount[],
  sums: Readonly<Record<string, readonly MetricSum[]>>,
): RuleResults {
  const verified = counts.filter((count) => count.verified);
  const names = [...new Set([...Object.keys(rule.arms), ...verified.map(({ arm }) => arm).sort()])];
  const total = sumOf(verified, ({ units }) => units);
  const due = expectedOf(verified);
  const arms = names.map((arm): ArmResult => {
    const units = sumOf(verified, (count) => (count.arm === arm ? count.units : 0));
    return { arm, units, share: shareOf(units, total), expected: due.get(arm) ?? 0 };
  });
  const multiple = sumOf(verified, (count) => count.multiple);
  const unverified = sumOf(counts, (count) => (count.verified ? 0 : count.units));
  const control = controlOf(rule.arms);
  const sampleRatio = checkSampleRatio(
    arms.map(({ units }) => units),
    arms.map(({ expected }) => expected),
  );
  const metrics = Object.fromEntries(
    Object.entries(rule.metrics ?? {}).map(([name, metric]) => [
      name,
      metricResult(name, metric, { arms, control, sums: sums[name] ?? [] }),
    ]),
  );
  return {
    ...about,
    ...(control !== undefined && { control }),
    arms,
    multiple: {
      units: multiple,
      share: shareOf(multiple, total),
      isHigh: multiple >= 10 && shareOf(multiple, total) >= MULTIPLE_SHARE,
    },
    unverified: { units: unverified, share: shareOf(unverified, total + unverified) },
    ...(sampleRatio && { sampleRatio }),
    metrics,
    verdict: overallVerdict({ arms, sampleRatio, metrics: Object.entries(metrics) }),
  };
}

/**
 * The arm that others are compared with. Whoever tests a change leaves one arm without any; where none is, it is the
 * first.
 */
export function controlOf(arms: Rule['arms']): string | undefined {
  const names = Object.keys(arms);
  return names.find((name) => Object.keys(arms[name]?.change ?? {}).length === 0) ?? names[0];
}

/** What a metric is computed of. */
export interface MetricContext {
  readonly arms: readonly Pick<ArmResult, 'arm' | 'units'>[];
  readonly control: string | undefined;
  readonly sums: readonly MetricSum[];
}

function metricResult(name: string, metric: Metric, context: MetricContext): MetricResult {
  const { arms, base, alpha } = compareArms(metric, context);
  return { ...metric, arms, verdict: verdictOf(name, metric, arms, { base, alpha }) };
}

/** A metric in each arm, compared with the control. */
export function compareArms(
  metric: Metric,
  { arms, control, sums }: MetricContext,
): { readonly arms: readonly MetricOfArm[]; readonly base: Sample | undefined; readonly alpha: number } {
  const samples = new Map(arms.map(({ arm, units }) => [arm, sampleOf(metric, units, sums, arm)]));
  const base = control === undefined ? undefined : samples.get(control);
  // All intervals of a metric hold together, so that of many arms none looks good by chance.
  const alpha = ALPHA / Math.max(1, arms.length - 1);
  const ofArms = arms.map(({ arm, units }): MetricOfArm => {
    const sample = samples.get(arm) ?? { units, mean: 0, variance: 0 };
    const { converted = 0, sum = '0' } = sums.find((one) => one.arm === arm) ?? {};
    const comparison = base && arm !== control ? compare(base, sample, alpha) : undefined;
    const about = { arm, units, conversions: converted, share: shareOf(converted, units) };
    const scaled = Number(sum) / (metric.type === 'sum' ? MILLIONTHS : 1);
    const convertedBefore = sums.find((one) => one.arm === control)?.converted ?? 0;
    const effect = comparison && effectOf(comparison, metric, converted + convertedBefore);
    return {
      ...about,
      sum: scaled,
      mean: sample.mean,
      ...(comparison && { comparison }),
      ...(effect && { effect }),
    };
  });
  return { arms: ofArms, base, alpha };
}

/** Mean and variance of a unit's value, from exact sums. */
export function sampleOf(
  { type }: Pick<Metric, 'type'>,
  units: number,
  sums: readonly MetricSum[],
  arm: string,
): Sample {
  const found = sums.find((one) => one.arm === arm);
  if (!found || units === 0) return { units, mean: 0, variance: 0 };
  const scale = type === 'sum' ? MILLIONTHS : 1;
  const mean = Number(found.sum) / units / scale;
  if (type === 'conversion') return { units, mean, variance: mean * (1 - mean) };
  // In whole numbers, because the difference of two large sums of squares has few digits left.
  const [n, sum] = [BigInt(units), BigInt(found.sum)];
  const spread = Number(n * BigInt(found.sumOfSquares) - sum * sum);
  const variance = units < 2 ? 0 : spread / (units * (units - 1)) / scale ** 2;
  return { units, mean, variance };
}

/** The units that each arm is due: at each version by the buckets that its arms had. */
function expectedOf(counts: readonly UnitCount[]): Map<string, number> {
  const due = new Map<string, number>();
  const bySplit = new Map<string, number>();
  for (const { split, units } of counts) bySplit.set(split, (bySplit.get(split) ?? 0) + units);
  for (const [split, units] of [...bySplit].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const buckets = bucketsIn(split);
    const all = sumOf(buckets, ([, size]) => size);
    for (const [arm, size] of buckets) due.set(arm, (due.get(arm) ?? 0) + (units * size) / all);
  }
  return due;
}

function bucketsIn(split: string): [string, number][] {
  const parsed: unknown = JSON.parse(split);
  // It was written by `splitOf`.
  const buckets = isJsonObject(parsed as never) ? Object.entries(parsed as Record<string, unknown>) : [];
  return buckets.flatMap(([arm, size]): [string, number][] =>
    typeof size === 'number' && size > 0 ? [[arm, size]] : [],
  );
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

function shareOf(part: number, all: number): number {
  return all === 0 ? 0 : part / all;
}
