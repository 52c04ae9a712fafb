import { backoffDelay, type BackoffBounds } from '../../../server/core/backoff.ts';

/** Calls, streams and pushes that are tried again over a link that is up. */
const RETRY: BackoffBounds = { floor: 50, base: 400, cap: 10_000 };

/** A campaign that is not there, or not for this caller to read: it may be created or published at any time. */
const REFUSED: BackoffBounds = { floor: 1_000, base: 2_000, cap: 30_000 };

/**
 * Reconnecting to an address that refuses connections at once. An attempt costs nobody anything, and when the server is
 * back nobody waits longer than the cap. The floor is for a server that accepts and closes at once.
 */
const UNREACHABLE: BackoffBounds = { floor: 100, base: 600, cap: 4_000 };
/** Reconnecting to a server that accepts and closes, or does not answer in time: it has more to do than it can. */
const OVERLOADED: BackoffBounds = { floor: 100, base: 600, cap: 10_000 };
/** Reconnecting after so many failures, about a minute of them: this is no restart any more. */
const OUTAGE: BackoffBounds = { floor: 100, base: 600, cap: 30_000 };
const FAILURES_OF_AN_OUTAGE = 30;

/**
 * The delay before a call is made again, in milliseconds.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 */
export function retryDelay(attempt: number, random: number): number {
  return backoffDelay(attempt, random, RETRY);
}

/**
 * The delay before a campaign that was refused is asked for again, in milliseconds.
 *
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 */
export function refusedDelay(attempt: number, random: number): number {
  return backoffDelay(attempt, random, REFUSED);
}

/**
 * The delay before the next attempt to connect, in milliseconds. Full jitter: a thousand clients that lost the same
 * server come back spread out.
 *
 * @param attempt 0 for the first retry
 * @param wasUnreachable whether the last attempt was refused at once, by an address at which no server listens
 * @param random in [0, 1)
 */
export function reconnectDelay(attempt: number, wasUnreachable: boolean, random: number): number {
  if (attempt >= FAILURES_OF_AN_OUTAGE) return backoffDelay(attempt, random, OUTAGE);
  return backoffDelay(attempt, random, wasUnreachable ? UNREACHABLE : OVERLOADED);
}
