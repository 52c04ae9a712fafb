import { RefusalError } from '../../core/errors.ts';
import { LOCK_LIMITS } from '../../core/locks/lock-table.ts';

/** Whose locks are counted together: a ws connection, or the id of a caller over http. */
export type LockOwner = object | string;

/** Clients make the ids of their locks, so that the same id may stand for locks of several campaigns. */
export interface CountedLock {
  readonly campaignId: string;
  readonly lockId: string;
}

/** The locks of each owner, and the places in queues that it waits for: bounded, whatever campaigns they are on. */
export interface OwnedLocks {
  /**
   * Counts a lock before it is asked for.
   *
   * @returns whether it had not been counted before
   * @throws RefusalError `RATE_LIMITED` where the owner has as many as it may have
   */
  add(owner: LockOwner, lock: CountedLock): boolean;
  /** A lock is held until that time by the log's clock, in epoch milliseconds. */
  extend(owner: LockOwner, lock: CountedLock, expiresAt: number): void;
  remove(owner: LockOwner, lock: CountedLock): void;
}

/** @param now the log's time, about */
export function createOwnedLocks(now: () => number): OwnedLocks {
  const ofConnections = new WeakMap<object, Map<string, number>>();
  const ofCallers = new Map<string, Map<string, number>>();

  const locksOf = (owner: LockOwner): Map<string, number> => {
    const present = typeof owner === 'string' ? ofCallers.get(owner) : ofConnections.get(owner);
    if (present) return present;
    const locks = new Map<string, number>();
    if (typeof owner === 'string') ofCallers.set(owner, locks);
    else ofConnections.set(owner, locks);
    return locks;
  };

  const prune = (locks: Map<string, number>): void => {
    for (const [lockId, expiresAt] of locks) if (expiresAt <= now()) locks.delete(lockId);
  };

  /** Callers over http that hold nothing any more are forgotten when another one comes. */
  const pruneCallers = (): void => {
    for (const [caller, locks] of ofCallers) {
      prune(locks);
      if (locks.size === 0) ofCallers.delete(caller);
    }
  };

  return {
    add(owner, lock) {
      const key = keyOf(lock);
      if (typeof owner === 'string' && !ofCallers.has(owner)) pruneCallers();
      const locks = locksOf(owner);
      if (locks.size >= LOCK_LIMITS.perOwner) prune(locks);
      if (locks.size >= LOCK_LIMITS.perOwner && !locks.has(key)) {
        const message = `lock: ${LOCK_LIMITS.perOwner} are held or waited for, the most that one caller may have; release one`;
        throw new RefusalError('RATE_LIMITED', message, { limit: LOCK_LIMITS.perOwner, retryAfterMs: 1_000 });
      }
      const isNew = !locks.has(key);
      // One that is held may end meanwhile, and be asked for anew.
      locks.set(key, Number.POSITIVE_INFINITY);
      return isNew;
    },
    extend: (owner, lock, expiresAt) => void locksOf(owner).set(keyOf(lock), expiresAt),
    remove: (owner, lock) => void locksOf(owner).delete(keyOf(lock)),
  };
}

function keyOf({ campaignId, lockId }: CountedLock): string {
  return `${campaignId} ${lockId}`;
}
