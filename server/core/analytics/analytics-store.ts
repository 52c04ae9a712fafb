import type { Metric } from '../document/targeting-fields.ts';
import type { EventRows } from './unit-rows.ts';

/** A phase of a rule. */
export interface PhaseKey {
  readonly campaignId: string;
  readonly rule: string;
  readonly phase: number;
}

/** Units of one arm, by what their exposures said. */
export interface UnitCount {
  readonly arm: string;
  readonly verified: boolean;
  readonly split: string;
  readonly units: number;
  /** Those of them that were shown another arm too. */
  readonly multiple: number;
}

/** A metric over the verified units of one arm. Sums are whole numbers as text, beyond what a number holds exactly. */
export interface MetricSum {
  readonly arm: string;
  /** Units with at least one goal. */
  readonly converted: number;
  /** Sum of the units' values: in millionths for `sum`, else in ones. */
  readonly sum: string;
  readonly sumOfSquares: string;
}

/** What a span of time added to a metric in one arm; sums as in {@link MetricSum}. */
export interface ProgressStep extends MetricSum {
  /** Its beginning, in epoch milliseconds. */
  readonly from: number;
  /** Units that were first shown the arm in it. */
  readonly units: number;
}

/** What happened in one minute at one version. */
export interface TimelineCount {
  /** Its beginning, in epoch milliseconds. */
  readonly minute: number;
  readonly epoch: string;
  readonly version: number;
  /** `exposure`: units that were first shown an arm; `viewers`: live streams at the end of the minute. */
  readonly kind: 'exposure' | 'goal' | 'viewers';
  /** The rule or the goal; empty for viewers. */
  readonly name: string;
  readonly count: number;
}

/** Live streams of a campaign on one instance at the end of a minute. */
export interface ViewerCount {
  readonly campaignId: string;
  readonly minute: number;
  readonly instance: string;
  readonly epoch: string;
  readonly version: number;
  readonly viewers: number;
}

/** A page's report of a version. */
export interface Paint {
  readonly delayMs: number;
  readonly share: number;
}

/** Times up to which rows go, in epoch milliseconds. */
export interface Retention {
  readonly now: number;
  /** Phases that ended before this are removed, as are goals that no exposure needs. */
  readonly unitsBefore: number;
  readonly minutesBefore: number;
  readonly paintsBefore: number;
}

/**
 * Storage of analytics; implemented by every archive, and held to one behaviour by one contract suite. Every write is
 * a transaction of its own, apart from those of campaigns.
 */
export interface AnalyticsStore {
  /** Joins rows into those that are stored. Durable when it resolves; the same rows again change nothing. */
  recordEvents(rows: EventRows): Promise<void>;
  countUnits(phase: PhaseKey): Promise<UnitCount[]>;
  /** Sums a metric over the verified units of a phase: goals at or after the first exposure of their unit. */
  sumMetric(phase: PhaseKey, metric: Pick<Metric, 'goal' | 'type' | 'cap'>): Promise<MetricSum[]>;
  /** When the first and the last verified unit of a phase came, in epoch milliseconds. */
  readSpan(phase: PhaseKey): Promise<{ readonly first: number; readonly last: number } | undefined>;
  /**
   * What each span of time added to a metric, by arm: all of them together are {@link sumMetric}.
   *
   * @param everyMs length of a span; spans begin at its multiples
   */
  readProgress(
    phase: PhaseKey,
    metric: Pick<Metric, 'goal' | 'type' | 'cap'>,
    everyMs: number,
  ): Promise<ProgressStep[]>;
  /** Counts by minute, from that time on and before the other, in order. */
  readTimeline(campaignId: string, from: number, to: number): Promise<TimelineCount[]>;
  /** Records samples of viewers; of one minute and instance the first stays. */
  recordViewers(counts: readonly ViewerCount[]): Promise<void>;
  readPaints(campaignId: string, epoch: string, version: number): Promise<Paint[]>;
  /** The salt of a campaign's hashes: the one that was first proposed. */
  campaignSalt(campaignId: string, proposed: string): Promise<string>;
  /** Erases units by their hashes. */
  forgetUnits(campaignId: string, units: readonly string[]): Promise<void>;
  /** Erases all units of a campaign, and its salt, so that no hash of it can be made again. */
  forgetCampaign(campaignId: string): Promise<void>;
  /** Phases that have units, with when they were found to have ended. */
  listPhases(): Promise<(PhaseKey & { readonly endedAt: number | undefined })[]>;
  /** Notes when phases ended, or that they run again. */
  markPhases(phases: readonly (PhaseKey & { readonly endedAt: number | undefined })[]): Promise<void>;
  /**
   * Removes what has been kept for long enough; what the timeline needs of it is folded into minutes first.
   *
   * @returns rows of units that were removed
   */
  sweepAnalytics(retention: Retention): Promise<number>;
}
