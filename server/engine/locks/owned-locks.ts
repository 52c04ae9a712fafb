import { RefusalError } from '../../core/errors.ts';
import { LOCK_LIMITS } from '../../core/locks/lock-table.ts';

/** Whose locks are counted together: a ws connection, or the id of a caller over http. */
export type LockOwner = object | string;

/** The locks of each owner, and the places in queues that it waits for: bounded, whatever campaigns they are on. */
export interface OwnedLocks {
  /**
   * Counts a lock before it is asked for.
   *
   * @throws RefusalError `RATE_LIMITED` where the owner has as many as it may have
   */
  add(owner: LockOwner, lockId: string): void;
  /** A lock is held until that time by the log's clock, in epoch milliseconds. */
  extend(owner: LockOwner, lockId: string, expiresAt: number): void;
  remove(owner: LockOwner, lockId: string): void;
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
    add(owner, lockId) {
      if (typeof owner === 'string' && !ofCallers.has(owner)) pruneCallers();
      const locks = locksOf(owner);
      if (locks.size >= LOCK_LIMITS.perOwner) prune(locks);
      if (locks.size >= LOCK_LIMITS.perOwner && !locks.has(lockId)) {
        const message = `lock: ${LOCK_LIMITS.perOwner} are held or waited for, the most that one caller may have; release one`;
        throw new RefusalError('RATE_LIMITED', message, { limit: LOCK_LIMITS.perOwner, retryAfterMs: 1_000 });
      }
      locks.set(lockId, Number.POSITIVE_INFINITY);
    },
    extend: (owner, lockId, expiresAt) => void locksOf(owner).set(lockId, expiresAt),
    remove: (owner, lockId) => void locksOf(owner).delete(lockId),
  };
}
