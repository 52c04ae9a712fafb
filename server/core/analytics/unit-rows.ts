/**
 * The rows that everything is a fold of. Each is a join: it is the same in whatever order, and how often, events come.
 *
 * - Of an exposure the row keeps the least `(at, arm, position)`, which is the first arm, and whether there was another
 *   arm. The least element of a set, and whether it has two arms, do not depend on an order.
 * - Of a goal each event is a row of its own, under an id that is made of its batch and its place in it. A copy has the
 *   same id.
 * - Which goals count is decided when they are read: those at or after the first exposure of their unit. An exposure
 *   that comes late, with an earlier time, moves that bound, and goals that were there before it count from then on.
 *
 * Rejected: counters, and flags of events that were seen, which need the events in order, or a window in which all
 * copies come; and a row of conversions for each unit, which cannot tell which of them were before a late exposure.
 */

/** What rows of exposures are told apart by. */
export interface ExposureKey {
  readonly campaignId: string;
  readonly rule: string;
  readonly phase: number;
  /** Keyed hash of the unit. */
  readonly unit: string;
  /** Whether the server would have assigned that arm. Others are counted apart, and change nothing of these. */
  readonly verified: boolean;
}

export interface ExposureRow extends ExposureKey {
  readonly arm: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly epoch: string;
  readonly version: number;
  /** Buckets of the arms at that position, as JSON: what their units are due. Of those that are not verified `{}`. */
  readonly split: string;
  /** Whether the unit was shown another arm too. */
  readonly multiple: boolean;
}

export interface GoalRow {
  readonly campaignId: string;
  readonly unit: string;
  readonly goal: string;
  /** The batch, and the place in it. */
  readonly id: string;
  readonly at: number;
  readonly epoch: string;
  readonly version: number;
  /** In millionths. */
  readonly value: number;
}

export interface PaintRow {
  readonly campaignId: string;
  readonly epoch: string;
  readonly version: number;
  readonly page: string;
  readonly at: number;
  readonly delayMs: number;
  readonly share: number;
}

/** The rows of one or several batches. */
export interface EventRows {
  readonly exposures: readonly ExposureRow[];
  readonly goals: readonly GoalRow[];
  readonly paints: readonly PaintRow[];
}

/** The text that tells rows of exposures apart. */
export function exposureKey({ campaignId, rule, phase, unit, verified }: ExposureKey): string {
  return JSON.stringify([campaignId, rule, phase, unit, verified]);
}

/** The join of two rows with one key: commutative, associative, idempotent. */
export function joinExposures(a: ExposureRow, b: ExposureRow): ExposureRow {
  const first = isBefore(b, a) ? b : a;
  const multiple = a.multiple || b.multiple || a.arm !== b.arm;
  return first.multiple === multiple ? first : { ...first, multiple };
}

function isBefore(a: ExposureRow, b: ExposureRow): boolean {
  if (a.at !== b.at) return a.at < b.at;
  if (a.arm !== b.arm) return a.arm < b.arm;
  if (a.version !== b.version) return a.version < b.version;
  return a.epoch < b.epoch;
}

/** These rows with each key once. */
export function joinRows(rows: readonly ExposureRow[]): ExposureRow[] {
  const joined = new Map<string, ExposureRow>();
  for (const row of rows) {
    const key = exposureKey(row);
    const before = joined.get(key);
    joined.set(key, before ? joinExposures(before, row) : row);
  }
  return [...joined.values()];
}
