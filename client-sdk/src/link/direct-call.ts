import { retryDelay } from './backoff.ts';
import type { Clock } from '../clock.ts';
import { closedError, type Connection } from './connection.ts';
import { readFailure } from '../errors.ts';

/**
 * Makes a call until it is answered: over lost links, and over refusals that pass by themselves. Only for calls that
 * may be made twice: queries, and mutations with a mutation id.
 *
 * @throws CampaignError a refusal that does not pass by itself, or `UNAVAILABLE` once the client is closed
 */
export async function callUntilAnswered<T>(connection: Connection, clock: Clock, call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    if (connection.state.getSnapshot().status === 'closed') throw closedError();
    try {
      return await call();
    } catch (thrown) {
      const { kind, error } = readFailure(thrown);
      if (kind === 'refused' && !error.retryable) throw error;
      await pause(clock, error.retryAfterMs ?? retryDelay(attempt, clock.random()));
    }
  }
}

function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(milliseconds, resolve));
}
