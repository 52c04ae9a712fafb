import { pathsConflict } from '../../../server/core/locks/lock-path.ts';
import type { ListedLock, LockList } from '../../../server/core/locks/lock-view.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import type { StreamClient } from '../live/live-stream.ts';
import { createStreamStore, perCampaign } from '../live/stream-store.ts';
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

const listOf = perCampaign<Readable<LockListState>>();

/** The part of a client that locks are read through. */
export type LockClient = StreamClient & Pick<CampaignClient, 'campaign'>;

/**
 * The locks of a campaign that this client may know of: one stream of the server's for all who read it, open while
 * anyone does. A lock that expires goes from the list by itself.
 */
export function watchLocks(
  client: LockClient,
  campaignId: string,
  clock: Pick<Clock, 'after' | 'random' | 'now'> = systemClock,
): Readable<LockListState> {
  return listOf(client, campaignId, () =>
    createStreamStore<LockListState, LockList>({
      client,
      subscribe: (listener) => client.trpc.lock.watch.subscribe({ campaignId }, listener),
      nothing: UNKNOWN_LOCKS,
      reduce: (_before, list) => stateOf(list, clock.now()),
      clock,
      lingerMs: RELEASE_AFTER_MS,
    }),
  );
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
