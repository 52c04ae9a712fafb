import type { Position } from '../stream/position.ts';

/** Where a page was when something happened, and when. */
interface Rendered {
  /** Position of the state that was on the screen. */
  position: Position;
  /** Epoch milliseconds, by the client's clock. */
  at: number;
}

/** Somebody was shown an arm of a rule. */
export interface ExposureEvent extends Rendered {
  kind: 'exposure';
  rule: string;
  /** As it was on the screen. */
  arm: string;
  phase: number;
}

/** Somebody did what metrics count. */
export interface GoalEvent extends Rendered {
  kind: 'goal';
  name: string;
  /** Counted to six places. */
  value?: number;
}

/** A page has painted a version. */
export interface PaintEvent extends Rendered {
  kind: 'paint';
  /**
   * Milliseconds from the change to the paint, where the client knows. Default: the server computes them, from the time
   * of the entry, `at`, and `sentAt`; the way of the batch is then counted in.
   */
  delayMs?: number;
  /** Random id of the page, so that it counts once. */
  page: string;
  /** Share of pages that report, of which this is one. */
  share: number;
}

export type AnalyticsEvent = ExposureEvent | GoalEvent | PaintEvent;

export const ANALYTICS_LIMITS = {
  /** Events in one batch. */
  batchEvents: 500,
  /** Different positions in one batch: each may have to be read from the history. */
  batchPositions: 16,
  /** A goal's value, either way. */
  value: 1e9,
  /** Age of an event, in milliseconds: seven days. */
  ageMs: 7 * 24 * 60 * 60_000,
  /** Milliseconds that a client's clock may differ; beyond, the times of its batch are moved. */
  clockMs: 5 * 60_000,
  /** Characters of the id of a page. */
  pageLength: 32,
} as const;

/** Values are counted in millionths, in whole numbers: sums are then the same in whatever order they are made. */
export const MILLIONTHS = 1_000_000;
