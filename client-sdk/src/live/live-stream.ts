import type { Clock } from '../clock.ts';
import { closedError, readFailure, type CampaignError } from '../errors.ts';
import { retryDelay } from '../link/backoff.ts';
import type { CampaignClient } from '../types.ts';

/** The part of a client that a stream beside those of campaigns is read through. */
export type StreamClient = Pick<CampaignClient, 'trpc' | 'onRenewed' | 'connection'>;

/** Opens a subscription of `client.trpc`. */
export type Subscribe<E> = (listener: {
  readonly onData: (event: E) => void;
  readonly onError: (thrown: unknown) => void;
  readonly onComplete: () => void;
}) => { readonly unsubscribe: () => void };

/** What becomes of a stream. */
export interface StreamCallbacks<E> {
  readonly onEvent: (event: E) => void;
  /** It was interrupted. With `isRetried`, it is opened again by itself. */
  readonly onFailure: (error: CampaignError, isRetried: boolean) => void;
}

/**
 * A stream that is opened again after interruptions, with backoff, until it is refused or the client is closed.
 *
 * @returns how to stop
 */
export function openLiveStream<E>(
  { connection }: Pick<StreamClient, 'connection'>,
  subscribe: Subscribe<E>,
  { onEvent, onFailure }: StreamCallbacks<E>,
  clock: Pick<Clock, 'after' | 'random'>,
): () => void {
  let attempt = 0;
  let stop = () => {};

  function open(): void {
    let isCurrent = true;
    const live = subscribe({
      onData(event) {
        if (!isCurrent) return;
        attempt = 0;
        onEvent(event);
      },
      onError: (thrown) => isCurrent && onError(thrown),
      onComplete: () => isCurrent && retry(),
    });
    stop = () => {
      isCurrent = false;
      live.unsubscribe();
    };
  }

  function retry(afterMs = retryDelay(attempt, clock.random())): void {
    stop();
    stop = clock.after(afterMs, open);
    attempt += 1;
  }

  function onError(thrown: unknown): void {
    const { kind, error } = readFailure(thrown);
    const isRetried = kind === 'unanswered' || error.retryable;
    if (isRetried) retry(error.retryAfterMs);
    onFailure(error, isRetried);
  }

  function end(): void {
    stopWatching();
    stop();
  }

  const stopWatching = connection.subscribe(() => {
    if (connection.getSnapshot().status !== 'closed') return;
    end();
    onFailure(closedError(), false);
  });
  open();
  return end;
}
