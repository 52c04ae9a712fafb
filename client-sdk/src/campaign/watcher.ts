import type { WatchEvent } from '../../../server/core/stream/events.ts';
import { fullJitter, RETRY } from '../link/backoff.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { readFailure, type CampaignError } from '../errors.ts';

export interface WatcherOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Where to begin, if something is known already. */
  readonly resumeId: string | undefined;
  /** The server has taken the subscription. */
  readonly onStarted: () => void;
  /** Takes an event; `false` where something is missing before it. */
  readonly onEvent: (event: WatchEvent) => boolean;
  /** The campaign cannot be watched, for a reason that does not pass by itself. */
  readonly onError: (error: CampaignError) => void;
}

/** One subscription to one campaign's stream, which goes on after everything that can be gone on after. */
export interface Watcher {
  start(): void;
  stop(): void;
  /** Where a stream would go on: after the last event that was folded in. */
  resumeId(): string | undefined;
  /** Begins again there. */
  resumeAt(resumeId: string): void;
}

/**
 * After a lost link, `rpc-link` subscribes again by itself with the last id it was handed. What is left to do here is
 * the rest: a hole, a stream that the server ended, a refusal. Then a new subscription begins after the last event that
 * was folded in.
 */
export function createWatcher(options: WatcherOptions): Watcher {
  const { campaignId, connection, clock, onStarted, onEvent, onError } = options;
  let { resumeId } = options;
  let subscription: { unsubscribe(): void } | undefined;
  let attempt = 0;
  let cancelRetry = () => {};
  let stopWaiting = () => {};

  function subscribe(): void {
    cancelRetry();
    stopWaiting();
    let current = true;
    const live = connection.trpc.campaign.watch.subscribe(
      { campaignId, receipts: true, ...(resumeId !== undefined && { lastEventId: resumeId }) },
      {
        onStarted: () => current && onStarted(),
        onData({ id, data }) {
          if (!current) return;
          if (onEvent(data)) {
            resumeId = id;
            attempt = 0;
          } else {
            // What was seen before the hole cannot be trusted to be resumable: ask for everything.
            resumeId = undefined;
            again();
          }
        },
        onError: (thrown) => current && failed(thrown),
        onComplete: () => current && again(),
      },
    );
    subscription = {
      unsubscribe() {
        current = false;
        live.unsubscribe();
      },
    };
  }

  function again(afterMs?: number): void {
    end();
    cancelRetry = clock.after(afterMs ?? fullJitter(attempt, clock.random(), RETRY), subscribe);
    attempt += 1;
  }

  function failed(thrown: unknown): void {
    const { kind, error } = readFailure(thrown);
    const link = connection.state.getSnapshot();
    if (link.status === 'closed') {
      end();
      return onError(link.error ?? error);
    }
    if (kind === 'unanswered' || error.retryable) return again(error.retryAfterMs);
    if (error.reason === 'UNAUTHORIZED' || error.reason === 'UPGRADE_REQUIRED') {
      // The whole link is without rights; the subscription waits for the next one.
      connection.unauthorized(error);
      return again();
    }
    end();
    stopWaiting = connection.onRenewed(subscribe);
    onError(error);
  }

  function end(): void {
    cancelRetry();
    stopWaiting();
    subscription?.unsubscribe();
    subscription = undefined;
  }

  function restart(): void {
    attempt = 0;
    end();
    subscribe();
  }

  return {
    start: restart,
    stop: end,
    resumeId: () => resumeId,
    resumeAt(given) {
      resumeId = given;
      if (subscription) restart();
    },
  };
}
