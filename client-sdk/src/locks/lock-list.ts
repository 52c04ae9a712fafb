import { pathsConflict } from '../../../server/core/locks/lock-path.ts';
import type { ListedLock, LockList } from '../../../server/core/locks/lock-view.ts';
import { createLinger } from '../linger.ts';
import { systemClock, type Clock } from '../clock.ts';
import { readFailure, type CampaignError } from '../errors.ts';
import { retryDelay } from '../link/backoff.ts';
import { writable } from '../observable-value.ts';
import type { CampaignClient, Readable } from '../types.ts';
import { ownLocks } from './own-locks.ts';

/** The locks of a campaign, live. */
export interface LockListState {
  /** `undefined` before the first answer, and where the caller may not edit the campaign. */
  readonly locks: readonly ListedLock[] | undefined;
  /** By how many milliseconds the log's clock is ahead of this page's, about: for `expiresAt`. */
  readonly clockAheadMs: number;
  readonly error: CampaignError | undefined;
}

/** What is shown before the first answer. */
export const UNKNOWN_LOCKS: LockListState = Object.freeze({ locks: undefined, clockAheadMs: 0, error: undefined });
/** How long the stream stays after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 2_000;

const known = new WeakMap<object, Map<string, Readable<LockListState>>>();

/** The part of a client that locks are read through. */
export type LockClient = Pick<CampaignClient, 'trpc' | 'onRenewed' | 'campaign'>;

/**
 * The locks of a campaign that this client may know of: one stream of the server's for all who read it, open while
 * anyone does. A lock that expires goes from the list by itself.
 */
export function watchLocks(
  client: LockClient,
  campaignId: string,
  clock: Pick<Clock, 'after' | 'random' | 'now'> = systemClock,
): Readable<LockListState> {
  const ofClient = known.get(client) ?? new Map<string, Readable<LockListState>>();
  known.set(client, ofClient);
  const present = ofClient.get(campaignId);
  if (present) return present;
  const list = createLockList(client, campaignId, clock);
  ofClient.set(campaignId, list);
  return list;
}

function createLockList(
  client: LockClient,
  campaignId: string,
  clock: Pick<Clock, 'after' | 'random' | 'now'>,
): Readable<LockListState> {
  const shown = writable(UNKNOWN_LOCKS);
  let attempt = 0;
  let cancel = () => {};
  let stopRenewals = () => {};

  function open(): void {
    let isCurrent = true;
    const live = client.trpc.lock.watch.subscribe(
      { campaignId },
      {
        onData(list) {
          if (!isCurrent) return;
          attempt = 0;
          shown.set(stateOf(list, clock.now()));
        },
        onError: (thrown) => isCurrent && onFailure(thrown),
        onComplete: () => isCurrent && retry(),
      },
    );
    cancel = () => {
      isCurrent = false;
      live.unsubscribe();
    };
  }

  function retry(afterMs = retryDelay(attempt, clock.random())): void {
    cancel();
    cancel = clock.after(afterMs, open);
    attempt += 1;
  }

  function onFailure(thrown: unknown): void {
    const { kind, error } = readFailure(thrown);
    if (kind === 'unanswered' || error.retryable) return retry(error.retryAfterMs);
    shown.set({ ...UNKNOWN_LOCKS, error });
  }

  const linger = createLinger(
    {
      start() {
        open();
        // With other rights it may be readable.
        stopRenewals = client.onRenewed(() => shown.getSnapshot().error && open());
      },
      stop() {
        cancel();
        stopRenewals();
        shown.set(UNKNOWN_LOCKS);
      },
    },
    clock,
    RELEASE_AFTER_MS,
  );
  let subscribers = 0;
  return {
    getSnapshot: shown.getSnapshot,
    getInitialSnapshot: () => UNKNOWN_LOCKS,
    subscribe(listener) {
      const end = shown.subscribe(listener);
      subscribers += 1;
      linger.need(true);
      let isSubscribed = true;
      return () => {
        if (!isSubscribed) return;
        isSubscribed = false;
        end();
        subscribers -= 1;
        linger.need(subscribers > 0);
      };
    },
  };
}

function stateOf({ locks, now }: LockList, localNow: number): LockListState {
  return { locks, clockAheadMs: now - localNow, error: undefined };
}

/**
 * The lock by which somebody else, or this user in another page, keeps a path from being edited here: on it, on
 * something in it, or on what it stands in. `undefined` where none does.
 */
export function lockInTheWay({ locks }: LockListState, path: readonly string[]): ListedLock | undefined {
  return locks?.find((lock) => !ownLocks.has(lock.lockId) && pathsConflict(lock.path, path));
}
