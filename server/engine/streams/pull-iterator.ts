import type { Clock } from '../ports.ts';
import type { Reader } from '../service.ts';
import { RightsWatch } from './rights-watch.ts';

export interface PullIteratorOptions<T> {
  /** Whose rights are watched: when they change or expire, the source is read. */
  readonly reader: Pick<Reader, 'identity' | 'onIdentity'>;
  readonly clock: Pick<Clock, 'now' | 'after'>;
  /** Ends the iterator, at once where it is aborted already. */
  readonly signal: AbortSignal | undefined;
  /**
   * The next value, or `undefined` where there is none yet. What it throws ends the iterator, and is thrown to who
   * pulls.
   *
   * @param isWoken whether something may have changed since it was read last
   */
  read(isWoken: boolean): T | undefined;
  /** The iterator has ended; called once. */
  onClose(): void;
}

/** An iterator over what a source has for one reader. */
export interface PullIterator<T> extends AsyncIterableIterator<T> {
  /** Something may have changed: a pull that waits reads again. */
  wake(): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Creates an iterator for streams that say how things are: nothing is queued between two pulls but what the source
 * keeps. The streams of campaigns have `pull-delivery.ts`, which minds the congestion of sockets too.
 *
 * Written by hand for the same reason: `return()` of an async generator waits for the `await` that it is suspended in.
 */
export function createPullIterator<T>({
  reader,
  clock,
  signal,
  read,
  onClose,
}: PullIteratorOptions<T>): PullIterator<T> {
  let isWoken = true;
  let isClosed = false;
  let resume: (() => void) | undefined;

  const wake = (): void => {
    isWoken = true;
    resume?.();
  };
  const rights = new RightsWatch(reader, clock, wake);

  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    rights.stop();
    signal?.removeEventListener('abort', close);
    onClose();
    resume?.();
  };
  signal?.addEventListener('abort', close, { once: true });

  const readNow = (): T | undefined => {
    const wasWoken = isWoken;
    isWoken = false;
    try {
      return read(wasWoken);
    } catch (error) {
      close();
      throw error;
    }
  };

  const iterator: PullIterator<T> = {
    wake,
    async next() {
      while (!isClosed) {
        const value = readNow();
        if (value !== undefined) return { done: false, value };
        // What was read has itself changed something.
        if (isWoken) continue;
        await new Promise<void>((resolve) => {
          resume = resolve;
        });
      }
      return DONE;
    },
    return() {
      close();
      return Promise.resolve(DONE);
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  // An aborted signal calls nobody back.
  if (signal?.aborted === true) close();
  return iterator;
}
