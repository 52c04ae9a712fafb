import { asError, RefusalError } from '../../core/errors.ts';
import { lockedBy, lockLost } from '../../core/locks/lock-guard.ts';
import { pathsConflict, type LockPath } from '../../core/locks/lock-path.ts';
import { JOBS, LOCK_LIMITS, type LockRow, type LockTable } from '../../core/locks/lock-table.ts';
import { infoOf, type GrantedLock, type LockList } from '../../core/locks/lock-view.ts';
import { CALL_ACTIONS, can, canRead, canWrite, hasExpired, roleFor, type Rights } from '../../core/permissions.ts';
import { deferredIterator } from '../calls/deferred-iterator.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { EngineObserver } from '../observer.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import { expired, forbidden, shuttingDown, toError } from '../refusals.ts';
import type { Caller, Reader } from '../service.ts';
import { createPullIterator } from '../streams/pull-iterator.ts';
import { createLockChanges } from './lock-changes.ts';
import { createLockQueue } from './lock-queue.ts';
import { createLockables, type Lockable } from './lockable.ts';
import { createOwnedLocks, type CountedLock, type LockOwner } from './owned-locks.ts';

export interface AcquireOptions {
  /** Default: the whole campaign. Of a job, its name alone. */
  readonly path?: LockPath | undefined;
  readonly ttlMs: number;
  readonly note?: string | undefined;
  /** Whether to wait where it is locked; the call then lasts until the lock is granted, five minutes at most. */
  readonly wait?: boolean | undefined;
  /** Made by the client, and the same for a retry; made by the server where it is missing. */
  readonly lockId?: string | undefined;
}

export interface RenewOptions {
  readonly lockId: string;
  readonly fence: number;
  readonly ttlMs?: number | undefined;
}

/**
 * Locks, as the procedures see them. Every method checks the caller's rights itself.
 *
 * Where a campaign's id stands, {@link JOBS} stands for the jobs of the namespace. Who has locked a job is for those
 * who may edit every campaign, and rights by field do not concern it.
 */
export interface LockService {
  /**
   * @throws RefusalError `LOCKED` where a lock is in the way and it does not wait, or has waited for too long
   */
  acquire(caller: Caller, owner: LockOwner, campaignId: string, options: AcquireOptions): Promise<GrantedLock>;
  /** @throws RefusalError `LOCK_LOST` where it is not held any more */
  renew(caller: Caller, owner: LockOwner, campaignId: string, options: RenewOptions): Promise<GrantedLock>;
  /** Gives a lock up, or a place in the queue; nothing happens where it is over. */
  release(caller: Caller, owner: LockOwner, campaignId: string, lockId: string): Promise<void>;
  /**
   * Takes over what is locked: its holder's commands are `LOCK_LOST` from then on. Admins; the locks of others also
   * editors where the policy says so, and their own everybody.
   */
  steal(caller: Caller, owner: LockOwner, campaignId: string, options: AcquireOptions): Promise<GrantedLock>;
  list(caller: Caller, campaignId: string): Promise<LockList>;
  /** The list, and again whenever it changes; what comes too fast for its reader is left out. Ends with the signal. */
  watch(caller: Caller, reader: Reader, campaignId: string): AsyncIterableIterator<LockList>;
}

/** The locks of one engine, with what the rest of it has to tell them. */
export interface EngineLocks extends LockService {
  onLocks(on: Lockable): void;
  /** Whether a campaign has to stay in memory for those who wait for its locks or watch them. */
  isAttended(campaignId: string): boolean;
  stop(): void;
}

export interface EngineLocksOptions {
  readonly hosting: Pick<CampaignHost, 'host' | 'reload'>;
  readonly log: OrderedLog;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  readonly rights: Rights;
  readonly timeoutMs: number;
  /** Who may take over the locks of others. */
  readonly policy: 'admins' | 'editors';
}

/** Creates the locks of an engine. What is granted is decided by the core and made by the log. */
export function createEngineLocks(options: EngineLocksOptions): EngineLocks {
  const { hosting, log, clock, observer, rights, policy } = options;
  const watchers = new Map<string, Set<() => void>>();

  const onLocks = (on: Lockable): void => {
    queue.onLocks(on);
    for (const wake of watchers.get(on.id) ?? []) wake();
  };
  const lockables = createLockables({ hosting, log, onChange: onLocks });
  const instance = clock.token();
  const { timeoutMs } = options;
  const changes = createLockChanges({ lockables, log, clock, instance, timeoutMs, onChange: onLocks });
  const queue = createLockQueue(changes, clock, (error) => observer.failed?.({ what: 'locks', error: asError(error) }));
  const owned = createOwnedLocks(changes.now);

  const demand = ({ identity }: Caller, campaignId: string, call: keyof typeof CALL_ACTIONS): void => {
    if (!can(identity, CALL_ACTIONS[call], campaignId, true)) throw forbidden(campaignId, call);
  };

  const mayReadOf =
    ({ identity }: Pick<Caller, 'identity'>, campaignId: string) =>
    (path: LockPath): boolean =>
      campaignId === JOBS || canRead(rights, roleFor(identity, campaignId) ?? 'viewer', path);

  const demandPath = ({ identity }: Caller, campaignId: string, path: LockPath): void => {
    if (campaignId === JOBS || canWrite(rights, roleFor(identity, campaignId) ?? 'viewer', path)) return;
    throw new RefusalError('FORBIDDEN', `path: your role does not allow changing ${path[0]}`, { path: ['path', 0] });
  };

  const granted = (campaignId: string, row: LockRow): GrantedLock => ({
    ...namedBy(campaignId),
    now: changes.now(),
    ...infoOf(row),
  });

  const heldIn = (table: LockTable, lockId: string): LockRow | undefined =>
    table.rows.find((row) => row.lockId === lockId && row.state === 'held');

  const rowOf = (caller: Caller, { path = [], ttlMs, note, lockId }: AcquireOptions) => ({
    lockId: lockId ?? clock.token(),
    path,
    holder: caller.identity.id,
    ttlMs,
    ...(note !== undefined && { note }),
  });

  const giveUp = (campaignId: string, lockId: string, holder: string): void => {
    changes
      .request(campaignId, { type: 'release', lockIds: [lockId], holder, at: instance })
      // Its place ends by itself where nobody keeps it.
      .catch((error: unknown) => observer.failed?.({ what: 'locks', campaignId, error: asError(error) }));
  };

  /** Counts a lock for its owner for as long as it may be held. */
  const owning = async (
    owner: LockOwner,
    lock: CountedLock,
    ttlMs: number,
    acquire: () => Promise<GrantedLock>,
  ): Promise<GrantedLock> => {
    const isNew = owned.add(owner, lock);
    try {
      const granted = await acquire();
      owned.extend(owner, lock, granted.expiresAt);
      return granted;
    } catch (error) {
      // It may have been granted before, or without an answer.
      const isKnown = error instanceof RefusalError && error.refusal.reason !== 'UNAVAILABLE';
      if (isNew && isKnown) owned.remove(owner, lock);
      else owned.extend(owner, lock, changes.now() + ttlMs);
      throw error;
    }
  };

  /** Whether a caller may take over what others have locked. */
  const maySteal = ({ identity }: Pick<Caller, 'identity'>, campaignId: string): boolean =>
    policy === 'editors' ? can(identity, 'edit', campaignId, true) : can(identity, 'administer', campaignId, true);

  const locksNow = (caller: Pick<Caller, 'identity'>, { id, locks }: Lockable): LockList => {
    const now = changes.now();
    const mayRead = mayReadOf(caller, id);
    const held = locks.rows.filter(
      ({ state, expiresAt, path }) => state === 'held' && expiresAt > now && mayRead(path),
    );
    const fromOthers = maySteal(caller, id);
    const listed = held.map((row) => ({
      ...infoOf(row),
      mayTakeOver: fromOthers || row.holder === caller.identity.id,
    }));
    return { ...namedBy(id), revision: locks.revision, now, locks: listed };
  };

  const openWatch = async (
    caller: Caller,
    reader: Reader,
    campaignId: string,
  ): Promise<AsyncIterableIterator<LockList>> => {
    const on = await lockables.find(campaignId);
    const { signal } = caller;
    const stopAttending = queue.attend(on);
    const others = watchers.get(campaignId) ?? new Set();
    const wake = (): void => iterator.wake();
    watchers.set(campaignId, others.add(wake));
    const iterator = createPullIterator<LockList>({
      reader,
      clock,
      signal,
      read(isWoken) {
        if (!isWoken) return undefined;
        const identity = reader.identity();
        if (hasExpired(identity, clock.now())) throw expired();
        if (!can(identity, CALL_ACTIONS.watchLocks, campaignId, true)) throw forbidden(campaignId, 'watchLocks');
        if (on.gone) throw on.gone;
        return locksNow({ identity }, on);
      },
      onClose() {
        stopAttending();
        others.delete(wake);
        if (others.size === 0 && watchers.get(campaignId) === others) watchers.delete(campaignId);
      },
    });
    return iterator;
  };

  return {
    async acquire(caller, owner, campaignId, given) {
      demand(caller, campaignId, 'acquireLock');
      const row = rowOf(caller, given);
      demandPath(caller, campaignId, row.path);
      const { lockId, holder, path } = row;
      const mayRead = mayReadOf(caller, campaignId);
      const otherwise = given.wait === true ? 'wait' : 'refuse';
      return owning(owner, { campaignId, lockId }, row.ttlMs, async () => {
        const until = clock.now() + LOCK_LIMITS.waitMs;
        for (;;) {
          const table = await changes.request(campaignId, { type: 'acquire', ...row, otherwise }, mayRead);
          const held = heldIn(table, lockId);
          // Who has left meanwhile is not given its turn.
          const isLeft = otherwise === 'wait' && caller.signal?.aborted === true;
          if (held && !isLeft) return granted(campaignId, held);
          if (otherwise === 'refuse') throw toError(lockLost());
          const on = await lockables.find(campaignId);
          const outcome = await queue.wait(on, lockId, until - clock.now(), caller.signal);
          const now = outcome.kind === 'settled' ? heldIn(outcome.table, lockId) : undefined;
          if (now && now.isUnclaimed !== true) return granted(campaignId, now);
          // It is this caller's turn, which the same request takes. Or the place was lost, with its epoch or because
          // this instance could not keep it: at the end of the queue again.
          if (outcome.kind === 'settled') continue;
          if (on.gone) throw on.gone;
          giveUp(campaignId, lockId, holder);
          if (outcome.kind === 'stopped') throw shuttingDown();
          if (outcome.kind === 'aborted') throw toError(lockLost());
          const inTheWay = on.locks.rows.find((other) => other.lockId !== lockId && pathsConflict(other.path, path));
          throw toError(inTheWay ? lockedBy(inTheWay, mayRead(inTheWay.path)) : lockLost());
        }
      });
    },

    async renew(caller, owner, campaignId, { lockId, fence, ttlMs }) {
      demand(caller, campaignId, 'renewLock');
      const renewal = { type: 'renew', lockId, fence, holder: caller.identity.id } as const;
      const table = await changes.request(campaignId, ttlMs === undefined ? renewal : { ...renewal, ttlMs });
      const row = heldIn(table, lockId);
      if (!row) throw toError(lockLost());
      owned.extend(owner, { campaignId, lockId }, row.expiresAt);
      return granted(campaignId, row);
    },

    async release(caller, owner, campaignId, lockId) {
      demand(caller, campaignId, 'releaseLock');
      queue.giveUp(campaignId, lockId);
      await changes.request(campaignId, { type: 'release', lockIds: [lockId], holder: caller.identity.id });
      owned.remove(owner, { campaignId, lockId });
    },

    async steal(caller, owner, campaignId, given) {
      demand(caller, campaignId, 'stealLock');
      const row = rowOf(caller, given);
      demandPath(caller, campaignId, row.path);
      const otherwise = maySteal(caller, campaignId) ? 'steal' : 'steal-own';
      return owning(owner, { campaignId, lockId: row.lockId }, row.ttlMs, async () => {
        const request = { type: 'acquire', ...row, otherwise } as const;
        const held = heldIn(await changes.request(campaignId, request, mayReadOf(caller, campaignId)), row.lockId);
        if (!held) throw toError(lockLost());
        return granted(campaignId, held);
      });
    },

    async list(caller, campaignId) {
      demand(caller, campaignId, 'listLocks');
      return locksNow(caller, await lockables.find(campaignId));
    },

    watch(caller, reader, campaignId) {
      demand(caller, campaignId, 'watchLocks');
      return deferredIterator(openWatch(caller, reader, campaignId), caller.signal);
    },

    onLocks,
    isAttended: queue.isAttended,
    stop: queue.stop,
  };
}

/** Campaigns are named by their id, jobs by the path alone. */
function namedBy(id: string): { readonly campaignId?: string } {
  return id === JOBS ? {} : { campaignId: id };
}
