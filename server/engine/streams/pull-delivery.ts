import { asError } from '../../core/errors.ts';
import type { ResumableEvent } from '../service.ts';
import { isBackpressured, type DrainPoll } from './backpressure.ts';
import type { Subscriber } from './subscriber.ts';

/** Delivery to one subscriber that pulls its events. */
export interface PullDelivery extends AsyncIterableIterator<ResumableEvent> {
  /** Something has changed: a pull that waits looks for its next event. */
  wake(): void;
}

export interface PullDeliveryOptions {
  subscriber: Subscriber;
  drainPoll: DrainPoll;
  /** Ends the delivery. */
  signal: AbortSignal | undefined;
  onDelivered(event: ResumableEvent): void;
  onClose(): void;
}

const DONE: IteratorResult<ResumableEvent> = { done: true, value: undefined };

/**
 * Creates an iterator over one subscriber's events. Nothing is queued between two pulls: what was missed is in the
 * campaign's ring buffer. While the subscriber's socket is congested (`backpressure.ts`), a pull waits for it to drain.
 *
 * Written by hand rather than as an async generator, because `return()` of a generator waits for the `await` that it is
 * suspended in: a subscription that waits for the next change could not be ended from outside, and would leak.
 */
export function createPullDelivery(options: PullDeliveryOptions): PullDelivery {
  const { subscriber, drainPoll, signal, onDelivered, onClose } = options;
  const { reader } = subscriber;
  let resumeWaiting: (() => void) | undefined;
  let cancelDrainWait: (() => void) | undefined;

  const isOpen = (): boolean => subscriber.cursor.phase !== 'closed';

  const close = (): void => {
    if (!subscriber.close()) return;
    signal?.removeEventListener('abort', close);
    onClose();
    cancelDrainWait?.();
    resumeWaiting?.();
  };

  const wake = (): void => {
    // A congested reader waits for its socket alone; what changes meanwhile is in the ring buffer.
    if (!cancelDrainWait) resumeWaiting?.();
  };

  const waitForWake = (): Promise<void> =>
    new Promise((resolve) => {
      resumeWaiting = () => {
        resumeWaiting = undefined;
        cancelDrainWait = undefined;
        resolve();
      };
    });

  const waitForDrain = (): Promise<void> => {
    subscriber.markLagging();
    const waited = waitForWake();
    cancelDrainWait = drainPoll.wait({ reader, onDrained: () => resumeWaiting?.(), onDisconnected: close });
    return waited;
  };

  const next = async (): Promise<IteratorResult<ResumableEvent>> => {
    try {
      while (isOpen()) {
        if (isBackpressured(reader)) {
          await waitForDrain();
          continue;
        }
        const event = subscriber.nextEvent();
        if (event) {
          onDelivered(event);
          return { done: false, value: event };
        }
        await waitForWake();
      }
      return DONE;
    } catch (error) {
      close();
      throw error;
    }
  };

  signal?.addEventListener('abort', close, { once: true });
  if (signal?.aborted === true) close();

  const delivery: PullDelivery = {
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
    [Symbol.asyncIterator]: () => delivery,
  };
  return delivery;
}
