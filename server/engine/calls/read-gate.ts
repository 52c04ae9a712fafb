import { RefusalError } from '../../core/errors.ts';
import type { Clock } from '../ports.ts';
import type { Caller } from '../service.ts';

/** Gate that bounds how many reads of the archive run at once. */
export interface ReadGate {
  /**
   * Reads when it is this caller's turn.
   *
   * @throws RefusalError `UNAVAILABLE`, retryable, where its turn does not come in time, or it has disconnected by then
   */
  pass<T>(caller: Caller, read: () => Promise<T>): Promise<T>;
}

export interface ReadGateOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Most reads at once. */
  readonly maxConcurrent: number;
  /** How long a read may wait for its turn, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Creates a gate with fair queueing: a queue for each caller, served round-robin. Commits use the same archive as reads
 * and must not wait for a thousand of them, so that only few reads run at once; and a caller that asks for much waits
 * for that alone.
 */
export function createReadGate({ clock, maxConcurrent, timeoutMs }: ReadGateOptions): ReadGate {
  /** Waiting reads by caller, in the order of the callers' turns. */
  const queues = new Map<string, Set<() => void>>();
  let running = 0;

  const turn = (callerId: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const queue = queues.get(callerId) ?? new Set();
      queues.set(callerId, queue);
      const enter = (): void => {
        cancel();
        resolve();
      };
      const cancel = clock.after(timeoutMs, () => {
        queue.delete(enter);
        reject(unavailable('the database is busy; try again'));
      });
      queue.add(enter);
    });

  /** Gives the place of a read that has ended to the next caller in turn. */
  const leave = (): void => {
    for (const [callerId, queue] of queues) {
      queues.delete(callerId);
      const [next] = queue;
      if (!next) continue;
      queue.delete(next);
      if (queue.size > 0) queues.set(callerId, queue);
      next();
      return;
    }
    running -= 1;
  };

  return {
    async pass(caller, read) {
      if (running < maxConcurrent) running += 1;
      else await turn(caller.identity.id);
      try {
        if (caller.signal?.aborted === true) throw unavailable('the caller has disconnected');
        return await read();
      } finally {
        leave();
      }
    },
  };
}

function unavailable(message: string): RefusalError {
  return new RefusalError('UNAVAILABLE', message, { retryAfterMs: 1_000 });
}
