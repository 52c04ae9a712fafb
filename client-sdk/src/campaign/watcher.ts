import type { Viewer } from '../../../server/core/document/targeting-fields.ts';
import type { PresenceEvent } from '../../../server/core/presence/presence.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';
import { refusedDelay, retryDelay } from '../link/backoff.ts';
import type { Clock } from '../clock.ts';
import type { Connection } from '../link/connection.ts';
import { readFailure, type CampaignError } from '../errors.ts';

export interface WatcherOptions {
  readonly campaignId: string;
  readonly connection: Connection;
  readonly clock: Clock;
  /** Where to begin, if something is known already. */
  readonly resumeId: string | undefined;
  /** Who looks; asked whenever a subscription begins. */
  readonly viewer: () => Viewer | undefined;
  /** The server has accepted the subscription. */
  readonly onStarted: () => void;
  /** Takes an event; `false` where entries are missing before it. */
  readonly onEvent: (event: WatchEvent) => boolean;
  /** The campaign cannot be watched. Where that may change, it is asked for again with backoff. */
  readonly onError: (error: CampaignError) => void;
  /** The stream was interrupted, or could not be opened, and is retried; `count` failures in a row. */
  readonly onRetry: (error: CampaignError, count: number) => void;
}

/** The watchers of campaigns by their handles: presence, which is loaded where it is used, rides on them. */
export const watcherOf = new WeakMap<object, Watcher>();

/** The subscription to one campaign's stream, resumed after every interruption that passes. */
export interface Watcher {
  readonly start: () => void;
  readonly stop: () => void;
  /** Where the stream would resume: after the last event that was folded in. */
  readonly resumeId: () => string | undefined;
  /** Ends the wait before the next attempt, where there is one. */
  readonly retryNow: () => void;
  /** Forgets where it is: the campaign was deleted, and what comes next is another one. */
  readonly forget: () => void;
  /** Resumes there, at once where the subscription is running. */
  readonly resumeAt: (resumeId: string) => void;
  /** Subscribes anew after the last event, where the subscription is running: as another viewer, or with presence. */
  readonly renew: () => void;
  /** Takes who is there; `undefined`: the next subscription does not ask for it. */
  onPresence: ((event: PresenceEvent) => void) | undefined;
}

/**
 * After a lost link, `rpc-link` resubscribes by itself with the last id it was given. The rest is done here: after a
 * gap, a stream that the server ended, or a refusal, a new subscription begins after the last event that was folded in,
 * with backoff.
 */
export function createWatcher(options: WatcherOptions): Watcher {
  const { campaignId, connection, clock, viewer, onEvent, onError } = options;
  let { resumeId } = options;
  let subscription: { unsubscribe(): void } | undefined;
  let attempt = 0;
  let cancelRetry = () => {};
  let stopWaiting = () => {};
  let isWaiting = false;

  function subscribe(): void {
    isWaiting = false;
    cancelRetry();
    stopWaiting();
    let current = true;
    const asViewer = viewer();
    const live = connection.trpc.campaign.watch.subscribe(
      {
        campaignId,
        receipts: true,
        ...(resumeId !== undefined && { lastEventId: resumeId }),
        ...(asViewer && { viewer: asViewer }),
        ...(watcher.onPresence && { presence: true }),
      },
      {
        onStarted: () => current && options.onStarted(),
        onData({ id, data }) {
          if (!current) return;
          if (data.type === 'presence') return watcher.onPresence?.(data.presence);
          if (onEvent(data)) {
            resumeId = id;
            attempt = 0;
          } else {
            // What was seen before the gap may not be resumable: ask for a snapshot.
            resumeId = undefined;
            resubscribe();
          }
        },
        onError: (thrown) => current && onFailure(thrown),
        onComplete: () => current && resubscribe(),
      },
    );
    subscription = {
      unsubscribe() {
        current = false;
        live.unsubscribe();
      },
    };
  }

  function resubscribe(afterMs?: number): void {
    end();
    wait(afterMs ?? retryDelay(attempt, clock.random()));
  }

  function wait(milliseconds: number): void {
    isWaiting = true;
    cancelRetry = clock.after(milliseconds, subscribe);
    attempt += 1;
  }

  function onFailure(thrown: unknown): void {
    const { kind, error } = readFailure(thrown);
    const link = connection.state.getSnapshot();
    if (link.status === 'closed') {
      end();
      return onError(link.error ?? error);
    }
    if (kind === 'unanswered' || error.retryable) {
      resubscribe(error.retryAfterMs);
      // A limit is exceeded for as long as the app does not stop something.
      if (error.limit !== undefined) onError(error);
      return options.onRetry(error, attempt);
    }
    if (error.reason === 'UNAUTHORIZED' || error.reason === 'UPGRADE_REQUIRED') {
      // The token of the whole link was refused; the subscription waits for the next one.
      connection.unauthorized(error);
      return resubscribe();
    }
    end();
    stopWaiting = connection.onRenewed(subscribe);
    // It may be created, or published, at any time.
    if (error.reason === 'NOT_FOUND' || error.reason === 'FORBIDDEN') wait(refusedDelay(attempt, clock.random()));
    onError(error);
  }

  function end(): void {
    isWaiting = false;
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

  const watcher: Watcher = {
    start: restart,
    stop: end,
    resumeId: () => resumeId,
    forget() {
      resumeId = undefined;
    },
    retryNow: () => isWaiting && subscribe(),
    resumeAt(given) {
      resumeId = given;
      if (subscription) restart();
    },
    renew: () => subscription && restart(),
    onPresence: undefined,
  };
  return watcher;
}
