import type { CampaignClient } from '@campaign-state/client';

type System = CampaignClient['trpc']['system'];
/** What a subscription brings. */
type Brought<Options> = Options extends { onData?: ((value: infer Value) => void) | undefined } ? Value : never;

/** What the server says of itself once a second. */
export type Stats = Brought<Parameters<System['stats']['subscribe']>[1]>;
/** A mutation, as the server traces it. */
export type TraceEvent = Brought<Parameters<System['trace']['subscribe']>[1]>;

/** The figures of one second. */
export interface Sample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly stats: Stats;
  /** Since the sample before; `undefined` for the first, and where another process answers. */
  readonly changes: number | undefined;
  readonly deliveries: number | undefined;
  /** Of the mutations of the last seconds, in milliseconds; `undefined` where there were none. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Seconds that are kept. */
const KEPT = 120;
/** Of which mutations the percentiles of a second are, in milliseconds: of one alone they would jump. */
const WINDOW_MS = 10_000;

/** A mutation's time. */
export interface Timing {
  readonly at: number;
  readonly milliseconds: number;
}

/** The samples with one more, without those that are too old. */
export function withSample(
  samples: readonly Sample[],
  stats: Stats,
  timings: readonly Timing[],
  at: number,
): readonly Sample[] {
  const before = samples.at(-1);
  // Its counts begin anew with the process.
  const isSame = before !== undefined && stats.uptimeSeconds >= before.stats.uptimeSeconds;
  const seconds = isSame ? (at - before.at) / 1_000 : 0;
  const rate = (now: number, then: number): number | undefined => (seconds > 0 ? (now - then) / seconds : undefined);
  const sorted = timings
    .filter((timing) => timing.at > at - WINDOW_MS)
    .map(({ milliseconds }) => milliseconds)
    .toSorted((a, b) => a - b);
  const sample: Sample = {
    at,
    stats,
    changes: before && rate(stats.mutations, before.stats.mutations),
    deliveries: before && rate(stats.deliveries, before.stats.deliveries),
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
  };
  return [...samples, sample].slice(-KEPT);
}

/** @param sorted in rising order */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** Mutations that are kept. */
export const KEPT_EVENTS = 200;

/** Adds one to those that wait to be shown: in a hidden tab for a minute, so that they are bounded here as well. */
export function keepEvent(waiting: TraceEvent[], event: TraceEvent): void {
  waiting.push(event);
  if (waiting.length > KEPT_EVENTS) waiting.shift();
}

/** Which mutations are shown. Empty: all of them. */
export interface TraceFilter {
  readonly campaign: string;
  readonly person: string;
  readonly correlation: string;
}

/** Whether a mutation is one of those: each word that is given stands in what it is about. */
export function isTraced({ campaignId, actor, correlationId }: TraceEvent, filter: TraceFilter): boolean {
  const has = (text: string, word: string): boolean => text.toLowerCase().includes(word.trim().toLowerCase());
  return has(campaignId, filter.campaign) && has(actor, filter.person) && has(correlationId, filter.correlation);
}
