import type { MetricOfArm, MetricResult } from './results.ts';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });

/** 1,171 */
export function sayCount(count: number): string {
  return whole.format(count);
}

/** 12.3 % */
export function sayShare(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}

/** +12.3 %, −4 % */
export function sayLift(share: number): string {
  const percent = Math.round(share * 1_000) / 10;
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${exact.format(Math.abs(percent))} %`;
}

/** An effect with the interval that holds at every look; as a lift where there is one, else in the metric's units. */
export function sayEffect({ comparison }: Pick<MetricOfArm, 'comparison'>): string {
  if (!comparison) return '–';
  const { lift, difference } = comparison;
  const say = lift ? sayLift : sayDifference;
  const { estimate, anytime } = lift ?? difference;
  return `${say(estimate)} (${say(anytime[0])} to ${say(anytime[1])})`;
}

function sayDifference(value: number): string {
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${exact.format(Math.abs(value))}`;
}

/** What one person comes to: a share for conversions, else a mean. */
export function sayMean({ type }: Pick<MetricResult, 'type'>, { mean }: Pick<MetricOfArm, 'mean'>): string {
  return type === 'conversion' ? sayShare(mean) : exact.format(mean);
}

/** What is measured, in a few words. */
export function sayMetric({ goal, type, better, cap, role }: MetricResult): string {
  const what = { conversion: `who had ${goal}`, count: `${goal}s of a person`, sum: `value of ${goal} of a person` }[
    type
  ];
  const most = cap === undefined ? '' : `, ${exact.format(cap)} at most`;
  return `${what}${most}; ${better === 'up' ? 'more is better' : 'less is better'}${role === 'guardrail' ? '; a guardrail' : ''}`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const clockWithSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** A time on an axis, as fine as the steps between them. */
export function sayTime(at: number, stepMs: number): string {
  if (stepMs >= 86_400_000) return day.format(at);
  return (stepMs < 60_000 ? clockWithSeconds : clock).format(at);
}
