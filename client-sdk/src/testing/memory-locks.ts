import { RefusalError } from '../../../server/core/errors.ts';
import { decideLock, type LockRequest } from '../../../server/core/locks/decide-lock.ts';
import type { LockSituation } from '../../../server/core/locks/lock-guard.ts';
import { lockLost } from '../../../server/core/locks/lock-guard.ts';
import {
  applyLockChange,
  createLockJudge,
  emptyLockTable,
  JOBS,
  type LockRow,
  type LockTable,
} from '../../../server/core/locks/lock-table.ts';
import { infoOf, type GrantedLock, type LockList } from '../../../server/core/locks/lock-view.ts';
import type { Clock } from '../clock.ts';

/** The locks of the campaign in memory, or of jobs: the server's own decisions, on one clock. */
export interface MemoryLocks {
  /** What the next mutations are decided under. */
  readonly situation: () => LockSituation;
  /** @throws RefusalError where it is refused */
  readonly request: (request: LockRequest) => void;
  /** A lock that was granted; `undefined` where it waits. @throws RefusalError where it is gone */
  readonly granted: (lockId: string) => GrantedLock | undefined;
  readonly list: () => LockList;
  /** Calls back after every change, an expiry included. Returns how to stop that. */
  readonly onChange: (callback: () => void) => () => void;
  /** Voids all of them: the epoch has ended. */
  readonly reset: () => void;
}

/** @param id of the campaign, or {@link JOBS} */
export function createMemoryLocks(id: string, clock: Pick<Clock, 'now' | 'after'>): MemoryLocks {
  const named = id === JOBS ? {} : { campaignId: id };
  const listeners = new Set<() => void>();
  let generation = 1;
  let table = emptyLockTable(generation);
  let cancelExpiry = (): void => undefined;

  function become(next: LockTable): void {
    if (next === table) return;
    table = next;
    cancelExpiry();
    const ends = table.rows.filter(({ state }) => state === 'held').map(({ expiresAt }) => expiresAt);
    if (ends.length > 0)
      cancelExpiry = clock.after(Math.max(0, Math.min(...ends) - clock.now()), () =>
        request({ type: 'grant-waiting' }),
      );
    for (const listener of listeners) listener();
  }

  function request(asked: LockRequest): void {
    const { change, refusal } = decideLock(kept(), asked, {
      judge: createLockJudge(clock.now()),
      here: 'kit',
      mayRead: () => true,
    });
    if (refusal) throw new RefusalError(refusal.reason, refusal.message, refusal);
    become(applyLockChange(table, change, clock.now()));
  }

  /** The table with every place in its queue kept: whoever waits here is in this process. */
  function kept(): LockTable {
    const rows = table.rows.map((row): LockRow =>
      row.state === 'waiting' ? { ...row, expiresAt: Number.POSITIVE_INFINITY } : row,
    );
    return { ...table, rows };
  }

  return {
    situation: () => ({ table, judge: createLockJudge(clock.now()) }),
    request,
    granted(lockId) {
      const row = table.rows.find((each) => each.lockId === lockId);
      if (row?.state === 'held') return { ...named, now: clock.now(), ...infoOf(row) };
      if (row) return undefined;
      const { reason, message, ...details } = lockLost();
      throw new RefusalError(reason, message, details);
    },
    list() {
      const held = table.rows.filter(({ state, expiresAt }) => state === 'held' && expiresAt > clock.now());
      // Whoever plays here may do everything.
      const locks = held.map((row) => ({ ...infoOf(row), mayTakeOver: true }));
      return { ...named, revision: table.revision, now: clock.now(), locks };
    },
    onChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    reset() {
      generation += 1;
      become(emptyLockTable(generation));
    },
  };
}
