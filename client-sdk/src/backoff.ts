/** Bounds of a retry's delay, in milliseconds. */
export interface BackoffBounds {
  /** No retry comes sooner: a server that accepts and closes at once must not be hammered. */
  readonly floor: number;
  /** The upper bound of the first retry; it doubles with each further one. */
  readonly base: number;
  /** The upper bound never passes this. */
  readonly cap: number;
}

export const RECONNECT: BackoffBounds = { floor: 100, base: 600, cap: 10_000 };
export const RETRY: BackoffBounds = { floor: 50, base: 400, cap: 10_000 };

/**
 * Full jitter: anywhere between the floor and a bound that doubles, so that a thousand clients that lost the same server come back
 * spread out.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function fullJitter(attempt: number, random: number, bounds: BackoffBounds): number {
  const upper = Math.min(bounds.cap, bounds.base * 2 ** Math.min(attempt, 30));
  return Math.round(bounds.floor + random * (upper - bounds.floor));
}
