import type { Refusal } from '../errors.ts';
import { lockedBy, lockLost } from './lock-guard.ts';
import { pathsConflict, type LockPath } from './lock-path.ts';
import {
  LOCK_LIMITS,
  type LockChange,
  type LockJudge,
  type LockRow,
  type LockTable,
  type UnstampedRow,
} from './lock-table.ts';

/** What is asked of a lock table. */
export type LockRequest =
  | {
      readonly type: 'acquire';
      /** A new id, or that of an attempt whose outcome is not known. */
      readonly lockId: string;
      readonly path: LockPath;
      readonly holder: string;
      readonly ttlMs: number;
      readonly note?: string;
      /**
       * What happens where the path is locked: it is refused, it takes a place in the queue, or it takes the locks
       * over: those of everybody, or its holder's own, from another page.
       */
      readonly otherwise: 'refuse' | 'wait' | 'steal' | 'steal-own';
    }
  | {
      readonly type: 'renew';
      readonly lockId: string;
      readonly fence: number;
      readonly holder: string;
      /** Default: as before. */
      readonly ttlMs?: number;
    }
  /** Gives locks up, and places in the queue; what is not there has been given up before. */
  | {
      readonly type: 'release';
      readonly lockIds: readonly string[];
      readonly holder: string;
      /** Only what this instance was asked for last: its caller may be with another one by now. */
      readonly at?: string;
    }
  /** Keeps places in the queue, on behalf of callers that still wait. */
  | { readonly type: 'keep-places'; readonly lockIds: readonly string[] }
  /** Gives what has become free to those who wait. */
  | { readonly type: 'grant-waiting' };

/** Who decides, and what it goes by. */
export interface LockDecider {
  readonly judge: LockJudge;
  /** The instance. */
  readonly here: string;
  /** Whether the caller may be told of that path. */
  mayRead(path: LockPath): boolean;
}

/** The answer to a request. It counts once the log has confirmed the condition of `change`. */
export interface LockDecision {
  readonly change: LockChange;
  readonly refusal?: Refusal;
}

/**
 * Decides what a request does to a lock table. Rows whose time is over go with every change, and whoever waits is given
 * what has become free, in the order of the queue: nobody overtakes another whose path conflicts with its own, a
 * newcomer included.
 *
 * A turn that is granted to a caller of another instance has to be taken by that instance, with the same `acquire`
 * again, within `LOCK_LIMITS.claimMs`: it may be dead, and all of its callers gone. If it does not, its other places go
 * as well, so that the next one waits for one such turn, and not for all of them, nor for the whole of a lease.
 */
export function decideLock(
  table: LockTable,
  request: LockRequest,
  { judge, here, mayRead }: LockDecider,
): LockDecision {
  const fence = table.revision + 1;
  const rows = new Map(rowsAlive(table, judge, here).map((row) => [row.lockId, row]));
  /** Rows that begin a lease: new ones, and renewed ones. */
  const begun = new Map<string, UnstampedRow>();
  const held = (): LockRow[] => [...rows.values()].filter(({ state }) => state === 'held');

  const refuse = (refusal: Refusal): LockDecision => ({
    change: { condition: { revision: table.revision, ...judge.bounds() }, set: [], removed: [] },
    refusal,
  });

  const begin = (row: Omit<UnstampedRow, 'leaseMs'>): void => {
    const leaseMs = row.state === 'held' ? turnMs(row) : LOCK_LIMITS.placeMs;
    begun.set(row.lockId, { ...row, leaseMs });
    // Until the log has stamped it, it is as alive as anything.
    rows.set(row.lockId, { ...row, expiresAt: Number.POSITIVE_INFINITY });
  };

  const finish = (): LockDecision => {
    grantWaiting();
    const removed = table.rows.filter(({ lockId }) => !rows.has(lockId)).map(({ lockId }) => lockId);
    const set = [...begun.values()].filter(({ lockId }) => rows.has(lockId));
    return { change: { condition: { revision: table.revision, ...judge.bounds() }, set, removed } };
  };

  /** Grants to each who waits, oldest first, unless a lock or one who waits longer is in the way. */
  const grantWaiting = (): void => {
    const inTheWay = held().map(({ path }) => path);
    const waiting = [...rows.values()].filter(({ state }) => state === 'waiting').sort((a, b) => a.fence - b.fence);
    for (const { expiresAt: _, ...row } of waiting) {
      const isElsewhere = row.at !== undefined && row.at !== here;
      if (!inTheWay.some((path) => pathsConflict(path, row.path)))
        begin({ ...row, state: 'held', fence, ...(isElsewhere && { isUnclaimed: true }) });
      inTheWay.push(row.path);
    }
  };

  switch (request.type) {
    case 'acquire': {
      const { type: _, otherwise, ...asked } = request;
      const present = rows.get(asked.lockId);
      if (present && present.holder !== asked.holder) return refuse(takenId());
      // An attempt whose answer was lost, or a turn that is taken: it is granted, or it waits.
      if (present) {
        const { expiresAt: _, isUnclaimed, ...kept } = present;
        if (isUnclaimed === true || (kept.state === 'waiting' && kept.at !== here)) begin({ ...kept, at: here });
        return finish();
      }
      const steals = otherwise === 'steal' || otherwise === 'steal-own';
      for (const { lockId, path, holder } of steals ? held() : [])
        if (pathsConflict(path, asked.path) && (otherwise === 'steal' || holder === asked.holder)) rows.delete(lockId);
      const inTheWay = [...rows.values()].find(
        ({ path, state }) => pathsConflict(path, asked.path) && (!steals || state === 'held'),
      );
      if (inTheWay && otherwise !== 'wait') return refuse(lockedBy(inTheWay, mayRead(inTheWay.path)));
      const state = inTheWay ? 'waiting' : 'held';
      const alike = [...rows.values()].filter((row) => row.state === state).length;
      if (alike >= LOCK_LIMITS.perCampaign) return refuse(tooMany(state));
      begin({ ...asked, state, fence, at: here });
      return finish();
    }
    case 'renew': {
      const row = rows.get(request.lockId);
      if (row?.state !== 'held' || row.fence !== request.fence || row.holder !== request.holder)
        return refuse(lockLost());
      const { expiresAt: _, isUnclaimed: __, ...kept } = row;
      begin({ ...kept, ttlMs: request.ttlMs ?? kept.ttlMs, at: here });
      return finish();
    }
    case 'release':
      for (const lockId of request.lockIds) {
        const row = rows.get(lockId);
        const isMeant = request.at === undefined || row?.at === undefined || row.at === request.at;
        if (row?.holder === request.holder && isMeant) rows.delete(lockId);
      }
      return finish();
    case 'keep-places':
      for (const lockId of request.lockIds) {
        const row = rows.get(lockId);
        if (row?.state !== 'waiting' || (row.at !== undefined && row.at !== here)) continue;
        const { expiresAt: _, ...kept } = row;
        begin(kept);
      }
      return finish();
    case 'grant-waiting':
      return finish();
  }
}

/** Rows whose time is not over, without the places of instances that have not taken a turn. */
function rowsAlive({ rows }: LockTable, judge: LockJudge, here: string): LockRow[] {
  const alive = rows.filter((row) => judge.isAlive(row));
  const missed = new Set(rows.filter((row) => row.isUnclaimed === true && !alive.includes(row)).map(({ at }) => at));
  return alive.filter(({ state, at }) => state === 'held' || at === undefined || at === here || !missed.has(at));
}

function turnMs({ ttlMs, isUnclaimed }: Pick<LockRow, 'ttlMs' | 'isUnclaimed'>): number {
  return isUnclaimed === true ? Math.min(ttlMs, LOCK_LIMITS.claimMs) : ttlMs;
}

function takenId(): Refusal {
  return { reason: 'INVALID', message: 'lockId: it is taken; let the server make one', path: ['lockId'] };
}

function tooMany(state: LockRow['state']): Refusal {
  const limit = LOCK_LIMITS.perCampaign;
  const what = state === 'held' ? 'are held' : 'are waited for';
  return {
    reason: 'OVERLOADED',
    message: `lock: ${limit} ${what}, the most that a campaign may have, or all jobs`,
    path: ['lock'],
    limit,
  };
}
