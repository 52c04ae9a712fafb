/** Bounds of a retry's delay, in milliseconds. */
export interface BackoffBounds {
  /** No retry comes sooner: a server that accepts and closes at once must not be hammered. */
  readonly floor: number;
  /** The upper bound of the first retry; it doubles with each further one. */
  readonly base: number;
  /** The upper bound never passes this. */
  readonly cap: number;
}

/**
 * A server that is not there refuses at once, which costs nobody anything; and when it is back, nobody waits longer
 * than this.
 */
const ABSENT: BackoffBounds = { floor: 100, base: 600, cap: 4_000 };
/** One that lets clients in and closes again, or does not answer in time, has more to do than it can. */
const BUSY: BackoffBounds = { floor: 100, base: 600, cap: 10_000 };
/** After so many failures, about a minute of them, it is not a restart any more. */
const LASTING_AFTER = 30;
const LASTING: BackoffBounds = { floor: 100, base: 600, cap: 30_000 };

export const RETRY: BackoffBounds = { floor: 50, base: 400, cap: 10_000 };

/**
 * Full jitter: anywhere between the floor and a bound that doubles, so that a thousand clients that lost the same
 * server come back spread out.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function fullJitter(attempt: number, random: number, bounds: BackoffBounds): number {
  const upper = Math.min(bounds.cap, bounds.base * 2 ** Math.min(attempt, 30));
  return Math.round(bounds.floor + random * (upper - bounds.floor));
}

/**
 * The wait before the next attempt to connect.
 *
 * @param attempt 0 for the first retry
 * @param absent whether the last attempt found nobody: it was refused, and at once
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function reconnectDelay(attempt: number, absent: boolean, random: number): number {
  return fullJitter(attempt, random, attempt >= LASTING_AFTER ? LASTING : absent ? ABSENT : BUSY);
}
