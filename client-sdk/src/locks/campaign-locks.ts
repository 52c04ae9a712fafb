import type { ChangeCommand, Mutation } from '../../../server/core/commands/command.ts';
import { commandTouches } from '../../../server/core/locks/lock-path.ts';
import type { GrantedLock } from '../../../server/core/locks/lock-view.ts';
import type { RequestsOptions } from '../campaign/requests.ts';
import { CampaignError, readFailure, invalid } from '../errors.ts';
import { callUntilAnswered } from '../link/direct-call.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { CampaignLock, LockOptions } from '../types.ts';
import { ownLocks } from './own-locks.ts';

/** The locks that this page holds on one campaign. */
export interface CampaignLocks {
  /** @param ended nobody waits for it any more: what is granted then is given up again */
  acquire(path: readonly string[], options: LockOptions, ended: AbortSignal): Promise<CampaignLock>;
}

interface HeldLock {
  readonly granted: GrantedLock;
  /** Until when it is held for certain, by this page's clock, if its clock does not jump; the server knows better. */
  until: number;
  readonly end: (error?: CampaignError) => void;
}

const DEFAULT_TTL_MS = 30_000;
/** Wait before a renewal that was not answered is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/** By what they belong to, so that a campaign has them once. */
const known = new WeakMap<PendingEdits, CampaignLocks>();

/** The locks of a campaign; its edits are made under them from then on. */
export function locksOf(options: RequestsOptions): CampaignLocks {
  const present = known.get(options.edits);
  if (present) return present;
  const locks = createCampaignLocks(options);
  known.set(options.edits, locks);
  return locks;
}

function createCampaignLocks({ campaignId, connection, clock, edits }: RequestsOptions): CampaignLocks {
  const held = new Set<HeldLock>();

  edits.locks.of = (command: ChangeCommand): Mutation['lock'] => {
    const tokens = [...held]
      .map(({ granted }) => granted)
      .filter(({ path }) => commandTouches(command, path))
      .map(({ lockId, fence }) => ({ lockId, fence }));
    return tokens.length > 0 ? tokens : undefined;
  };

  async function release(lockId: string): Promise<void> {
    await connection.trpc.lock.release.mutate({ campaignId, lockId });
  }

  /** Renews a lock until it is lost or released, while the page is visible. */
  function keep(granted: GrantedLock): CampaignLock {
    const { lockId, fence, path, ttlMs } = granted;
    const lost = Promise.withResolvers<CampaignError>();
    const stop = new AbortController();
    let cancelTimer = () => {};
    const lock: HeldLock = {
      granted,
      until: clock.now() + granted.expiresAt - granted.now,
      end(error) {
        cancelTimer();
        stop.abort();
        held.delete(lock);
        ownLocks.delete(lockId);
        if (error) lost.resolve(error);
      },
    };

    const schedule = (afterMs: number): void => {
      cancelTimer();
      // Not later than it ends, so that its end is noticed when it comes.
      if (held.has(lock)) cancelTimer = clock.after(Math.max(0, Math.min(afterMs, lock.until - clock.now())), renew);
    };

    function renew(): void {
      if (clock.now() >= lock.until) return lock.end(expired());
      if (!isVisible()) return schedule(ttlMs);
      cancelTimer();
      const sentAt = clock.now();
      connection.trpc.lock.renew.mutate({ campaignId, lockId, fence }).then(
        () => {
          lock.until = Math.max(lock.until, sentAt + ttlMs);
          schedule(ttlMs / 3);
        },
        (thrown: unknown) => {
          const { kind, error } = readFailure(thrown);
          if (kind === 'refused' && !error.retryable) lock.end(error);
          else schedule(RETRY_MS);
        },
      );
      // Without an answer its end comes all the same.
      schedule(ttlMs);
    }

    held.add(lock);
    onPage(stop.signal, { shown: renew, left: () => void release(lockId).catch(() => undefined) });
    schedule(ttlMs / 3);
    return {
      lockId,
      fence,
      path,
      lost: lost.promise,
      release() {
        if (!held.has(lock)) return Promise.resolve();
        lock.end();
        // Where that is not answered, it ends by itself.
        return release(lockId).catch((thrown: unknown) => {
          throw readFailure(thrown).error;
        });
      },
    };
  }

  return {
    async acquire(path, { ttl = DEFAULT_TTL_MS, note, wait = false, steal = false }, ended) {
      if (!Array.isArray(path) || !path.every((key) => typeof key === 'string'))
        throw invalid(['path'], 'must be a list of keys');
      if (ended.aborted) throw givenUp();
      const lockId = clock.id();
      ownLocks.add(lockId);
      const asked = { campaignId, path: [...path], ttlMs: ttl, lockId, ...(note !== undefined && { note }) };
      const giveUp = (): void => {
        ownLocks.delete(lockId);
        release(lockId).catch(() => undefined);
      };
      ended.addEventListener('abort', giveUp);
      // The same id each time: an attempt whose answer was lost is found, and leaves no lock behind.
      const granted = await callUntilAnswered(
        connection,
        clock,
        () =>
          steal ? connection.trpc.lock.steal.mutate(asked) : connection.trpc.lock.acquire.mutate({ ...asked, wait }),
        ended,
      )
        .catch((refusal: unknown) => {
          ownLocks.delete(lockId);
          throw refusal;
        })
        .finally(() => ended.removeEventListener('abort', giveUp));
      if (!ended.aborted) return keep(granted);
      giveUp();
      throw givenUp();
    },
  };
}

/** Nobody hears of it. */
function givenUp(): CampaignError {
  return new CampaignError({ reason: 'UNAVAILABLE', message: 'It was given up' });
}

function expired(): CampaignError {
  const message = 'lock: it could not be renewed in time; others may have changed what it covered';
  return new CampaignError({ reason: 'LOCK_LOST', message, path: ['lock'] });
}

function isVisible(): boolean {
  return typeof document === 'undefined' || document.visibilityState !== 'hidden';
}

/** Calls back when the page is shown again, and when it is left. */
function onPage(signal: AbortSignal, { shown, left }: { readonly shown: () => void; readonly left: () => void }): void {
  if (typeof document === 'undefined' || typeof window === 'undefined') return;
  document.addEventListener('visibilitychange', () => isVisible() && shown(), { signal });
  window.addEventListener('pagehide', left, { signal });
}
