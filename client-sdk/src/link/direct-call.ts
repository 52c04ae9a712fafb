import { fullJitter, RETRY } from './backoff.ts';
import type { Clock } from '../clock.ts';
import { closedError, type Connection } from './connection.ts';
import { readFailure } from '../errors.ts';

/**
 * Makes a call until there is an answer to it: over lost links, and over refusals that pass by themselves. Only for
 * calls that may be made twice: queries, and mutations with a mutation id.
 */
export async function callUntilAnswered<T>(connection: Connection, clock: Clock, call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    if (connection.state.getSnapshot().status === 'closed') throw closedError();
    try {
      return await call();
    } catch (thrown) {
      const { kind, error } = readFailure(thrown);
      if (kind === 'refused' && !error.retryable) throw error;
      await pause(clock, error.retryAfterMs ?? fullJitter(attempt, clock.random(), RETRY));
    }
  }
}

function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds, resolve));
}
