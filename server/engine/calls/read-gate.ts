import { RefusalError } from '../../core/errors.ts';
import type { Clock } from '../ports.ts';
import type { Caller } from '../service.ts';

/** Lets so many reads of the archive happen at once. */
export interface ReadGate {
  /**
   * Reads at this caller's turn; `UNAVAILABLE` (ask again) where that does not come in time, or where the caller has
   * gone by then.
   */
  pass<T>(caller: Caller, read: () => Promise<T>): Promise<T>;
}

export interface ReadGateOptions {
  clock: Pick<Clock, 'after'>;
  /** Reads at once, at most. */
  atOnce: number;
  /** How long one may wait for its turn, in milliseconds. */
  patience: number;
}

/**
 * Commits go to the same archive as what callers read, and must not wait for a thousand reads. So few of them are let
 * through at once, and the others stand in lines, one for each caller, from which the first is taken in turn: who asks
 * for much waits for it alone.
 */
export function createReadGate({ clock, atOnce, patience }: ReadGateOptions): ReadGate {
  /** By caller, in the order of their turns. */
  const lines = new Map<string, Set<() => void>>();
  let inside = 0;

  const turn = (callerId: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const line = lines.get(callerId) ?? new Set();
      lines.set(callerId, line);
      const enter = (): void => {
        cancel();
        resolve();
      };
      const cancel = clock.after(patience, () => {
        line.delete(enter);
        reject(unavailable('the database is busy; try again'));
      });
      line.add(enter);
    });

  /** Hands the place of one who leaves to the next caller in turn. */
  const leave = (): void => {
    for (const [callerId, line] of lines) {
      lines.delete(callerId);
      const [next] = line;
      if (!next) continue;
      line.delete(next);
      if (line.size > 0) lines.set(callerId, line);
      next();
      return;
    }
    inside -= 1;
  };

  return {
    async pass(caller, read) {
      if (inside < atOnce) inside += 1;
      else await turn(caller.identity.id);
      try {
        if (caller.signal?.aborted === true) throw unavailable('the caller went away');
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
