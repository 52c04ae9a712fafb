import { retryDelay } from './backoff.ts';
import type { Clock } from '../clock.ts';
import { type Connection } from './connection.ts';
import { readFailure, closedError } from '../errors.ts';

/**
 * Makes a call until it is answered: over lost links, and over refusals that pass by themselves; a lock does not. Only
 * for calls that may be made twice: queries, mutations with a mutation id, and the loading of code.
 *
 * @param ended nobody waits for the answer any more
 * @throws CampaignError a refusal that does not pass by itself, or `UNAVAILABLE` once the client is closed
 */
export async function callUntilAnswered<T>(
  connection: Pick<Connection, 'state'>,
  clock: Clock,
  call: () => Promise<T>,
  ended?: AbortSignal,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    if (connection.state.getSnapshot().status === 'closed') throw closedError();
    try {
      return await call();
    } catch (thrown) {
      const { kind, error } = readFailure(thrown);
      if (ended?.aborted || (kind === 'refused' && (!error.retryable || error.reason === 'LOCKED'))) throw error;
      await pause(clock, error.retryAfterMs ?? retryDelay(attempt, clock.random()), ended);
    }
  }
}

function pause(clock: Clock, milliseconds: number, ended: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(milliseconds, resolve);
    ended?.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}
