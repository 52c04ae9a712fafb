import { asError } from '../../core/errors.ts';
import type { Clock } from '../ports.ts';
import type { ResumableEvent } from '../service.ts';
import { BACKPRESSURE_HIGH_WATER_BYTES, BACKPRESSURE_POLL_MS, BACKPRESSURE_TIMEOUT_MS } from './backpressure.ts';
import type { Subscriber } from './subscriber.ts';

export interface Subscription extends AsyncIterableIterator<ResumableEvent> {
  /** Something changed: if it waits, it looks. */
  wake(): void;
}

export interface OpenSubscriptionOptions {
  subscriber: Subscriber;
  clock: Clock;
  signal: AbortSignal | undefined;
  onDelivered(event: ResumableEvent): void;
  onClose(): void;
}

const DONE: IteratorResult<ResumableEvent> = { done: true, value: undefined };

/**
 * A subscription that its reader pulls: between two pulls nothing is queued for it; what it missed is in the campaign's
 * ring. Written by hand, because a generator that waits inside of an `await` cannot be ended from outside, and would
 * leak.
 */
export function openSubscription({
  subscriber,
  clock,
  signal,
  onDelivered,
  onClose,
}: OpenSubscriptionOptions): Subscription {
  const { reader } = subscriber;
  let wakeUp: (() => void) | undefined;

  const wake = (): void => wakeUp?.();

  const close = (): void => {
    if (!subscriber.close()) return;
    signal?.removeEventListener('abort', close);
    onClose();
    wake();
  };

  const isOpen = (): boolean => subscriber.cursor.phase !== 'closed';
  const isCongested = (): boolean => reader.bufferedBytes() > BACKPRESSURE_HIGH_WATER_BYTES;

  const waitForChange = (): Promise<void> =>
    new Promise((resolve) => {
      wakeUp = () => {
        wakeUp = undefined;
        resolve();
      };
    });

  /** Only the socket, or the end, matters now: what changes meanwhile is read from the ring when it has drained. */
  const waitForDrain = (): Promise<void> => {
    subscriber.lag();
    const giveUpAt = clock.now() + BACKPRESSURE_TIMEOUT_MS;
    return new Promise((resolve) => {
      const look = (): void => {
        if (isOpen() && isCongested() && clock.now() < giveUpAt) {
          cancel = clock.after(BACKPRESSURE_POLL_MS, look);
          return;
        }
        wakeUp = undefined;
        cancel();
        if (isOpen() && isCongested()) {
          reader.disconnect();
          close();
        }
        resolve();
      };
      let cancel = clock.after(BACKPRESSURE_POLL_MS, look);
      wakeUp = () => {
        if (!isOpen()) look();
      };
    });
  };

  const next = async (): Promise<IteratorResult<ResumableEvent>> => {
    try {
      while (isOpen()) {
        if (isCongested()) {
          await waitForDrain();
          continue;
        }
        const event = subscriber.take();
        if (event) {
          onDelivered(event);
          return { done: false, value: event };
        }
        await waitForChange();
      }
      return DONE;
    } catch (error) {
      close();
      throw error;
    }
  };

  signal?.addEventListener('abort', close, { once: true });
  if (signal?.aborted === true) close();

  const subscription: Subscription = {
    wake,
    next,
    return() {
      close();
      return Promise.resolve(DONE);
    },
    throw(error) {
      close();
      return Promise.reject(asError(error));
    },
    [Symbol.asyncIterator]: () => subscription,
  };
  return subscription;
}
