import type { Metric, Rule } from '../document/targeting-fields.ts';
import type { ProgressStep } from './analytics-store.ts';
import { compareArms, controlOf, type MetricOfArm } from './results.ts';

/** A metric as it stood at a time. */
export interface ProgressPoint {
  /** Epoch milliseconds: everything before it is counted. */
  readonly at: number;
  readonly arms: readonly MetricOfArm[];
}

/** A metric over time: what results said, or would have said, at each look. */
export interface Progress {
  readonly campaignId: string;
  readonly rule: string;
  readonly phase: number;
  readonly metric: string;
  readonly control?: string;
  /** In order of time; at most {@link PROGRESS_POINTS}. */
  readonly points: readonly ProgressPoint[];
}

/** More is not seen on a screen. */
export const PROGRESS_POINTS = 120;

/** Lengths of a span, in milliseconds: those that an axis is divided by. */
const SPANS_MS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 43_200, 86_400].map((seconds) => seconds * 1_000);

/** The length of the spans into which a phase is divided. */
export function spanFor(first: number, last: number): number {
  const most = PROGRESS_POINTS / 2;
  const day = SPANS_MS.at(-1) ?? 1;
  return SPANS_MS.find((span) => (last - first) / span <= most) ?? Math.ceil((last - first) / most / day) * day;
}

/**
 * Computes a metric over time. Each point is a fold of the steps up to it, so that the last one is what results say.
 *
 * @param steps in order of time
 * @param everyMs the length of a step
 */
export function progressOf(
  metric: Metric,
  rule: Pick<Rule, 'arms'>,
  steps: readonly ProgressStep[],
  everyMs: number,
): ProgressPoint[] {
  const control = controlOf(rule.arms);
  const names = [...new Set([...Object.keys(rule.arms), ...steps.map(({ arm }) => arm).sort()])];
  const totals = new Map(names.map((arm) => [arm, { units: 0, converted: 0, sum: 0n, sumOfSquares: 0n }]));
  const times = [...new Set(steps.map(({ from }) => from))];
  const stride = Math.ceil(times.length / PROGRESS_POINTS);
  const points: ProgressPoint[] = [];
  let next = 0;
  for (const [index, from] of times.entries()) {
    for (let step = steps[next]; step?.from === from; step = steps[(next += 1)]) {
      const total = totals.get(step.arm);
      if (!total) continue;
      total.units += step.units;
      total.converted += step.converted;
      total.sum += BigInt(step.sum);
      total.sumOfSquares += BigInt(step.sumOfSquares);
    }
    // The last one always is one: it is what results say.
    if ((times.length - 1 - index) % stride !== 0) continue;
    const arms = names.map((arm) => ({ arm, units: totals.get(arm)?.units ?? 0 }));
    const sums = [...totals].map(([arm, { converted, sum, sumOfSquares }]) => {
      return { arm, converted, sum: String(sum), sumOfSquares: String(sumOfSquares) };
    });
    points.push({ at: from + everyMs, arms: compareArms(metric, { arms, control, sums }).arms });
  }
  return points;
}
