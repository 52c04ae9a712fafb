import { asError } from '../../core/errors.ts';
import type { Reader } from '../service.ts';
import { isBackpressured, type DrainPoll } from './backpressure.ts';

/** What the events of one subscriber are pulled from. */
export interface PullSource<E> {
  readonly reader: Pick<Reader, 'bufferedBytes' | 'disconnect'>;
  readonly closed: boolean;
  /**
   * The next event, or `undefined` where there is none yet.
   *
   * @throws RefusalError once the right to read has ended
   */
  nextEvent(): E | undefined;
  /** The subscriber's socket is congested. */
  markLagging(): void;
  /** Ends it; false where it had ended before. */
  close(): boolean;
}

/** Delivery to one subscriber that pulls its events. */
export interface PullDelivery<E> extends AsyncIterableIterator<E> {
  /** Something has changed: a pull that waits looks for its next event. */
  wake(): void;
}

export interface PullDeliveryOptions<E> {
  source: PullSource<E>;
  drainPoll: DrainPoll;
  /** Ends the delivery. Where it is aborted already, the source is closed at once. */
  signal: AbortSignal | undefined;
  onDelivered(event: E): void;
  /**
   * A turn of the event loop in which the next event may be made; `undefined` where it costs nothing much.
   */
  turn?(): Promise<void> | undefined;
  /** The delivery has ended, later than its creation. */
  onClose(): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Creates an iterator over one subscriber's events. Nothing is queued between two pulls: the source knows what was
 * missed. While the subscriber's socket is congested (`backpressure.ts`), a pull waits for it to drain.
 *
 * Written by hand rather than as an async generator, because `return()` of a generator waits for the `await` that it is
 * suspended in: a subscription that waits for the next change could not be ended from outside, and would leak.
 */
export function createPullDelivery<E>(options: PullDeliveryOptions<E>): PullDelivery<E> {
  const { source, drainPoll, signal, onDelivered, onClose, turn } = options;
  const { reader } = source;
  let resumeWaiting: (() => void) | undefined;
  let cancelDrainWait: (() => void) | undefined;

  const close = (): void => {
    if (!source.close()) return;
    signal?.removeEventListener('abort', close);
    onClose();
    cancelDrainWait?.();
    resumeWaiting?.();
  };

  const wake = (): void => {
    // A congested reader waits for its socket alone; what changes meanwhile is there when it has drained.
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
    source.markLagging();
    const waited = waitForWake();
    cancelDrainWait = drainPoll.wait({ reader, onDrained: () => resumeWaiting?.(), onDisconnected: close });
    return waited;
  };

  const next = async (): Promise<IteratorResult<E>> => {
    try {
      while (!source.closed) {
        if (isBackpressured(reader)) {
          await waitForDrain();
          continue;
        }
        const itsTurn = turn?.();
        if (itsTurn) await itsTurn;
        if (source.closed) break;
        const event = source.nextEvent();
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

  // An aborted signal calls nobody back.
  if (signal?.aborted === true) source.close();
  else signal?.addEventListener('abort', close, { once: true });

  const delivery: PullDelivery<E> = {
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
