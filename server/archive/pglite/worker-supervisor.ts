import { setTimeout as pause } from 'node:timers/promises';
import { backoffDelay } from '../../core/backoff.ts';
import { toArchiveError, type ArchiveError } from '../errors.ts';
import type { ArchiveThread } from './worker-thread.ts';

/** Observes crashes of the embedded database; for the log. */
export interface WorkerObserver {
  /** It crashed, or could not be opened again; another attempt follows. */
  readonly onCrash?: ((error: ArchiveError) => void) | undefined;
  /** It is open again, with everything that it had committed. */
  readonly onRestart?: (() => void) | undefined;
}

/** A worker that is started again whenever it has ended. */
export type SupervisedWorker = Pick<ArchiveThread, 'call' | 'end'>;

/** The delay before a worker is started again, in milliseconds: it doubles from the first to the longest. */
const RESTART_BACKOFF = { base: 250, cap: 10_000, jitter: 0 };

/**
 * Supervises the worker of the embedded database. A full disk at the wrong moment makes Postgres panic; a Postgres
 * server then restarts itself, and here the worker is restarted until it is ended. Meanwhile every call rejects as
 * `unreachable`, as by a database that restarts: what has not been committed waits in the log.
 *
 * @throws ArchiveError where the first worker cannot be opened
 */
export async function superviseWorker(
  start: () => ArchiveThread,
  { onCrash, onRestart }: WorkerObserver,
): Promise<SupervisedWorker> {
  const ending = new AbortController();
  const { signal } = ending;
  let thread = await open(start);

  const reportCrash = (error: ArchiveError): void => {
    if (!signal.aborted) onCrash?.(error);
  };

  /** The next worker that could be opened; `undefined` where the end comes first. */
  const openAgain = async (): Promise<ArchiveThread | undefined> => {
    for (let attempt = 0; ; attempt += 1) {
      // A single worker, and nobody to spread out from.
      await pause(backoffDelay(attempt, 0, RESTART_BACKOFF), undefined, { ref: false, signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
      try {
        return await open(start);
      } catch (error) {
        reportCrash(toArchiveError(error));
      }
    }
  };

  const supervise = async (): Promise<void> => {
    for (;;) {
      reportCrash(await thread.ended);
      const next = await openAgain();
      if (!next) return;
      thread = next;
      if (signal.aborted) return await thread.end();
      onRestart?.();
    }
  };

  const supervision = supervise();
  return {
    call: (method, args) => thread.call(method, args),
    async end() {
      ending.abort();
      await thread.end();
      await supervision;
    },
  };
}

async function open(start: () => ArchiveThread): Promise<ArchiveThread> {
  const thread = start();
  try {
    await thread.opened;
    return thread;
  } catch (error) {
    await thread.end();
    throw error;
  }
}
