import { pathsConflict } from '../../../server/core/locks/lock-path.ts';
import { systemClock, type Clock } from '../clock.ts';
import { toCampaignError, type CampaignError } from '../errors.ts';
import { writable } from '../observable-value.ts';
import type { CampaignLock, LockOptions, Readable } from '../types.ts';
import { watchLocks, type LockClient } from './lock-list.ts';

/**
 * What is known of the lock of one path, from where this page stands.
 *
 * - `free`: nobody has locked it, as far as is known
 * - `mine`: this handle holds it
 * - `theirs`: somebody else does, or this user in another page
 * - `waiting`: it is locked, and this handle waits for it
 */
export interface LockStatus {
  readonly state: 'free' | 'mine' | 'theirs' | 'waiting';
  /** Id of whom holds it. */
  readonly holder: string | undefined;
  /** What the holder says of it. */
  readonly note: string | undefined;
  /** When it ends unless it is renewed: epoch milliseconds by this page's clock, about. */
  readonly expiresAt: number | undefined;
  /** Whether this user may take over what is in the way. */
  readonly mayTakeOver: boolean;
  /** Why it was lost, or could not be had; until the next attempt. */
  readonly error: CampaignError | undefined;
}

/** The lock of one path: its status, and the functions that change it. These never reject; `error` says what failed. */
export interface LockHandle extends Readable<LockStatus> {
  /** Locks it, or waits for it with `wait`. */
  readonly acquire: (options?: Pick<LockOptions, 'wait' | 'note'>) => Promise<void>;
  /** Gives it up, or stops waiting. */
  readonly release: () => Promise<void>;
  /** Takes it over. */
  readonly steal: () => Promise<void>;
}

/** What is shown before anything is known. */
export const UNKNOWN_LOCK: LockStatus = Object.freeze({
  state: 'free',
  holder: undefined,
  note: undefined,
  expiresAt: undefined,
  mayTakeOver: false,
  error: undefined,
});

/**
 * The lock of one path of a campaign. Its status is live while anyone subscribes to it.
 *
 * @example
 * const lock = lockHandle(client, 'summer', ['ui_content', 'banner']);
 * lock.subscribe(() => console.log(lock.getSnapshot().state));
 * await lock.acquire();
 */
export function lockHandle(
  client: LockClient,
  campaignId: string,
  path: readonly string[],
  options: Pick<LockOptions, 'ttl' | 'note'> = {},
  clock: Clock = systemClock,
): LockHandle {
  const list = watchLocks(client, campaignId, clock);
  const shown = writable(UNKNOWN_LOCK);
  let held: CampaignLock | undefined;
  let attempt: AbortController | undefined;
  let isWaiting = false;
  let error: CampaignError | undefined;

  function publish(): void {
    const { locks, clockAheadMs } = list.getSnapshot();
    const own = held && locks?.find(({ lockId }) => lockId === held?.lockId);
    const other = locks?.find((lock) => lock.lockId !== held?.lockId && pathsConflict(lock.path, path));
    const row = held ? own : other;
    const next: LockStatus = {
      state: held ? 'mine' : isWaiting ? 'waiting' : other ? 'theirs' : 'free',
      holder: row?.holder,
      note: row?.note,
      expiresAt: row && row.expiresAt - clockAheadMs,
      mayTakeOver: !held && other?.mayTakeOver === true,
      error,
    };
    if (!isSame(shown.getSnapshot(), next)) shown.set(next);
  }

  async function take(given: LockOptions): Promise<void> {
    if (held || attempt) return;
    const current = new AbortController();
    attempt = current;
    error = undefined;
    isWaiting = given.wait === true;
    publish();
    try {
      const { signal } = current;
      const lock = await client.campaign(campaignId).lock(path, { ...options, ...given, signal });
      if (signal.aborted) return await lock.release();
      held = lock;
      void lock.lost.then((reason) => {
        if (held !== lock) return;
        held = undefined;
        error = reason;
        publish();
      });
    } catch (thrown) {
      if (!current.signal.aborted) error = toCampaignError(thrown);
    } finally {
      if (attempt === current) {
        attempt = undefined;
        isWaiting = false;
        publish();
      }
    }
  }

  return {
    getSnapshot: shown.getSnapshot,
    getInitialSnapshot: () => UNKNOWN_LOCK,
    subscribe(listener) {
      const stop = shown.subscribe(listener);
      const leave = list.subscribe(publish);
      publish();
      return () => {
        leave();
        stop();
      };
    },
    acquire: ({ wait = false, note = options.note } = {}) =>
      take({ wait, note, ...(wait && { timeout: Number.POSITIVE_INFINITY }) }),
    steal: () => take({ steal: true }),
    async release() {
      const [lock, waiting] = [held, attempt];
      held = undefined;
      attempt = undefined;
      isWaiting = false;
      error = undefined;
      waiting?.abort();
      publish();
      await lock?.release().catch(() => undefined);
    },
  };
}

function isSame(a: LockStatus, b: LockStatus): boolean {
  return (
    a.state === b.state &&
    a.holder === b.holder &&
    a.note === b.note &&
    a.mayTakeOver === b.mayTakeOver &&
    a.error === b.error &&
    // It is measured anew with each list; what is a moment apart is the same.
    Math.abs((a.expiresAt ?? 0) - (b.expiresAt ?? 0)) < 250
  );
}
