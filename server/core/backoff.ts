/** Bounds of a retry's delay, in milliseconds. */
export interface BackoffBounds {
  /** No retry comes sooner. Default 0. */
  readonly floor?: number;
  /** Upper bound of the first retry's delay; it doubles with each further retry. */
  readonly base: number;
  /** The upper bound never exceeds this. */
  readonly cap: number;
  /**
   * Share of the range between floor and upper bound that is left to chance, from 0 (none: always the upper bound) to 1
   * ("full jitter", the default: anything in between). Clients that lost the same server need all of it to come back
   * spread out; a single worker needs little.
   */
  readonly jitter?: number;
}

/** More doublings than this would exceed every cap, and in the end the exact integers. */
const MAX_DOUBLINGS = 30;

/**
 * Delay before a retry: exponential, capped, with jitter.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @returns milliseconds
 * @example backoffDelay(2, Math.random(), { base: 100, cap: 2_000 }) // between 0 and 400
 */
export function backoffDelay(attempt: number, random: number, bounds: BackoffBounds): number {
  const { floor = 0, base, cap, jitter = 1 } = bounds;
  const upper = Math.max(floor, Math.min(cap, base * 2 ** Math.min(attempt, MAX_DOUBLINGS)));
  const lower = upper - (upper - floor) * jitter;
  return Math.round(lower + random * (upper - lower));
}
