import { setTimeout as pause } from 'node:timers/promises';
import { toArchiveError, type ArchiveError } from '../errors.ts';
import type { ArchiveThread } from './worker-thread.ts';

/** What is told of a database that breaks down; for the log. */
export interface BreakdownObserver {
  /** It broke, or could not be opened again; it is tried again. */
  onBroken?: ((error: ArchiveError) => void) | undefined;
  /** It is open again, with everything that it had committed. */
  onMended?: (() => void) | undefined;
}

/** A thread that is there again when it has ended. */
export type SupervisedWorker = Pick<ArchiveThread, 'call' | 'end'>;

/** First and longest pause before a thread is started again, in milliseconds; in between it doubles. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Keeps the embedded database open. A full disk at the wrong moment makes Postgres panic, which a server of its own
 * answers by starting anew; here the thread is, for as long as nobody ends it. Meanwhile every call is rejected as
 * `unreachable`, as by a database that restarts: what has not been committed waits in the log.
 *
 * Rejects where the first thread cannot be opened.
 */
export async function superviseWorker(
  start: () => ArchiveThread,
  { onBroken, onMended }: BreakdownObserver,
): Promise<SupervisedWorker> {
  const ending = new AbortController();
  const { signal } = ending;
  let thread = await open(start);

  const tell = (error: ArchiveError): void => {
    if (!signal.aborted) onBroken?.(error);
  };

  /** The next thread that can be opened; `undefined` where the end comes first. */
  const openAgain = async (): Promise<ArchiveThread | undefined> => {
    for (let delay = FIRST_PAUSE_MS; ; delay = Math.min(delay * 2, LONGEST_PAUSE_MS)) {
      await pause(delay, undefined, { ref: false, signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
      try {
        return await open(start);
      } catch (error) {
        tell(toArchiveError(error));
      }
    }
  };

  const keep = async (): Promise<void> => {
    for (;;) {
      tell(await thread.ended);
      const next = await openAgain();
      if (!next) return;
      thread = next;
      if (signal.aborted) return await thread.end();
      onMended?.();
    }
  };

  const kept = keep();
  return {
    call: (method, args) => thread.call(method, args),
    async end() {
      ending.abort();
      await thread.end();
      await kept;
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
