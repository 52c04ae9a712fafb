import type { LockPath } from './lock-path.ts';

/**
 * Stands for the jobs of a namespace where a campaign's id would stand, which it cannot be. A job is named by the one
 * key of its path, and all of them share a table.
 */
export const JOBS = '*';

/** Names of jobs. */
export const JOB_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;

/** Limits of locks, each with its unit. */
export const LOCK_LIMITS = {
  /** Lifetime of a lock without a renewal, in milliseconds. */
  ttlMs: { shortest: 1_000, longest: 300_000 },
  /** Keys of a path. */
  pathKeys: 16,
  /** Characters of one key of a path. */
  keyLength: 128,
  /** Characters of a note. */
  noteLength: 200,
  /** Locks of one campaign, or of all jobs, and as many that wait for one. */
  perCampaign: 256,
  /** Locks of one connection, or of one caller over http, those it waits for included. */
  perOwner: 100,
  /** How long a place in the queue stays without a sign of its instance, in milliseconds. */
  placeMs: 10_000,
  /** How long a turn waits for the instance of its caller to take it, in milliseconds. */
  claimMs: 1_500,
  /** How long a caller waits for a lock, in milliseconds. */
  waitMs: 300_000,
} as const;

/** A lock that is held, or a place in the queue for one. */
export interface LockRow {
  /** Names the lock, and before it the place in the queue. Unguessable, and never used again. */
  readonly lockId: string;
  readonly state: 'held' | 'waiting';
  /**
   * The revision of the table under which it was granted, or queued: a number that only rises, over the loss of a log
   * too. Whoever stores things elsewhere may compare it there.
   */
  readonly fence: number;
  readonly path: LockPath;
  /** Id of the caller that holds it. Nobody else's commands pass under it. */
  readonly holder: string;
  /** For the others to read. */
  readonly note?: string;
  readonly ttlMs: number;
  /** The instance that the caller has asked; missing: one of a version that does not say so. */
  readonly at?: string;
  /** It was granted by another instance, and its own has not taken it yet. */
  readonly isUnclaimed?: true;
  /** Epoch milliseconds, by the log's clock. */
  readonly expiresAt: number;
}

/** A row before the log has stamped it with the end of its lease. */
export type UnstampedRow = Omit<LockRow, 'expiresAt'> & { readonly leaseMs: number };

/** All locks of one campaign. Rows whose time is over stay until the next change; `revision` rises with each change. */
export interface LockTable {
  readonly revision: number;
  readonly rows: readonly LockRow[];
}

/** What a command carries to pass a lock. */
export interface LockToken {
  readonly lockId: string;
  readonly fence: number;
}

/** Bounds on the log's time, in epoch milliseconds, within which a decision holds: `notBefore <= time < notAfter`. */
export interface TimeBounds {
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** What a decision about locks rests on: that revision of the table, and those bounds on the log's time. */
export interface LockCondition extends TimeBounds {
  readonly revision: number;
}

/** A change of the lock table, which the log makes as a whole where its condition holds, and otherwise not at all. */
export interface LockChange {
  readonly condition: LockCondition;
  /** Rows that are new, or whose lease begins anew. None of these and of `removed`: only the condition is confirmed. */
  readonly set: readonly UnstampedRow[];
  /** Ids of rows that go. */
  readonly removed: readonly string[];
}

/**
 * Revisions of the tables under one generation of a campaign's log membership begin at this multiple of it. The
 * generation only rises, also where the log is lost with everything in it, and so does every fence. It leaves room for
 * 2^24 generations: a restored campaign's is the minutes since 2026 (`snapshot/restoring/restore-plan.ts`), and a
 * revision has to be a safe integer.
 */
export const REVISIONS_PER_GENERATION = 2 ** 29;

/** The table of a campaign that has just entered the log. */
export function emptyLockTable(generation: number): LockTable {
  return { revision: generation * REVISIONS_PER_GENERATION, rows: [] };
}

/**
 * The table of jobs begins anew at this multiple of the log's time in milliseconds: jobs belong to no campaign, hence
 * to no membership whose generation would rise. Nothing changes a table a million times a second, so that the revisions
 * of a table that was lost stay below those of the next one, as long as the log's time rises; whoever has seen a higher
 * one says so (`JobLocks`). A safe integer until the year 2248.
 */
export const JOB_REVISIONS_PER_MS = 2 ** 10;

/**
 * The table of jobs where there is none yet, or it was lost.
 *
 * @param now the log's time, in epoch milliseconds
 * @param seen the highest revision that is known
 */
export function emptyJobTable(now: number, seen: number): LockTable {
  return { revision: Math.max(now * JOB_REVISIONS_PER_MS, seen + 1), rows: [] };
}

/** A table of these rows. They have an order, so that tables with the same rows are equal wherever they were made. */
export function lockTableOf(revision: number, rows: readonly LockRow[]): LockTable {
  return { revision, rows: rows.toSorted((a, b) => a.fence - b.fence || (a.lockId < b.lockId ? -1 : 1)) };
}

/** The revision after a change; the same where the change has nothing in it. */
export function revisionAfter({ condition, set, removed }: LockChange): number {
  return set.length > 0 || removed.length > 0 ? condition.revision + 1 : condition.revision;
}

/**
 * The table after a change.
 *
 * @param now the log's time of the change, in epoch milliseconds
 */
export function applyLockChange(table: LockTable, change: LockChange, now: number): LockTable {
  const revision = revisionAfter(change);
  if (revision === change.condition.revision) return table;
  const gone = new Set([...change.removed, ...change.set.map(({ lockId }) => lockId)]);
  const stamped = change.set.map(({ leaseMs, ...row }): LockRow => ({ ...row, expiresAt: now + leaseMs }));
  return lockTableOf(revision, [...table.rows.filter(({ lockId }) => !gone.has(lockId)), ...stamped]);
}

/** Whether a condition holds for a table at that time of the log. */
export function holds({ revision, notBefore, notAfter }: LockCondition, table: LockTable, now: number): boolean {
  if (revision !== table.revision) return false;
  return (notBefore === undefined || now >= notBefore) && (notAfter === undefined || now < notAfter);
}

/** Judges which rows are alive, and notes what the log's time must be for that judgement to be right. */
export interface LockJudge {
  isAlive(row: LockRow): boolean;
  /** What everything that was judged so far rests on. */
  bounds(): TimeBounds;
}

/**
 * Creates a judge at an estimate of the log's time. The estimate may be wrong, because this process was paused or its
 * clock has jumped; the bounds then are not met, and the log answers with its own time instead of making the change.
 */
export function createLockJudge(now: number): LockJudge {
  let notBefore: number | undefined;
  let notAfter: number | undefined;
  return {
    isAlive({ expiresAt }) {
      if (expiresAt > now) {
        notAfter = Math.min(notAfter ?? expiresAt, expiresAt);
        return true;
      }
      notBefore = Math.max(notBefore ?? expiresAt, expiresAt);
      return false;
    },
    bounds: () => ({ ...(notBefore !== undefined && { notBefore }), ...(notAfter !== undefined && { notAfter }) }),
  };
}
