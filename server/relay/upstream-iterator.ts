import { RefusalError } from '../core/errors.ts';

/** The values of a forwarded subscription, between upstream, which sends them, and the subscription here. */
export interface UpstreamIterator extends AsyncIterableIterator<unknown> {
  /** @param bytes about how many the value holds */
  push(value: unknown, bytes: number): void;
  /** Nothing more comes: an error, or `undefined` where it ended by itself. */
  end(error: Error | undefined): void;
}

/**
 * Values that may wait for a client that reads slowly, and their bytes, where it is more than one; beyond them its
 * subscription ends, and begins anew.
 */
const MAX_WAITING = 1_024;
const MAX_WAITING_BYTES = 1024 * 1024;

const DONE = { done: true, value: undefined } as const;

/** @param onClose called once, when it has ended, from whichever side */
export function createUpstreamIterator(onClose: () => void): UpstreamIterator {
  const values: { readonly value: unknown; readonly bytes: number }[] = [];
  let waitingBytes = 0;
  let ended: { readonly error: Error | undefined } | undefined;
  let isClosed = false;
  let wake: (() => void) | undefined;

  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    onClose();
  };

  const iterator: UpstreamIterator = {
    push(value, bytes) {
      if (ended) return;
      values.push({ value, bytes });
      waitingBytes += bytes;
      if (values.length > MAX_WAITING || (values.length > 1 && waitingBytes > MAX_WAITING_BYTES)) {
        values.length = 0;
        iterator.end(new RefusalError('OVERLOADED', 'the subscription is read too slowly; begin anew'));
      }
      wake?.();
    },
    end(error) {
      ended ??= { error };
      close();
      wake?.();
    },
    async next() {
      for (;;) {
        const first = values.shift();
        if (first) {
          waitingBytes -= first.bytes;
          return { done: false, value: first.value };
        }
        if (ended?.error) throw ended.error;
        if (ended) return DONE;
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
    },
    async return() {
      ended ??= { error: undefined };
      values.length = 0;
      close();
      wake?.();
      return DONE;
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
