import type { LockPath } from './lock-path.ts';
import type { LockRow } from './lock-table.ts';

/** A lock, as its holder and other editors see it. */
export interface LockInfo {
  readonly lockId: string;
  /** Goes with every command that is made under it. */
  readonly fence: number;
  /** Of a job: its name alone. */
  readonly path: LockPath;
  /** Id of the caller that holds it. */
  readonly holder: string;
  readonly note?: string;
  readonly ttlMs: number;
  /** Epoch milliseconds, by the log's clock. */
  readonly expiresAt: number;
}

/** A lock that was granted or renewed. */
export interface GrantedLock extends LockInfo {
  /** Missing: it is a job's. */
  readonly campaignId?: string;
  /** The log's time of this answer, about, so that a client with another clock knows how long it has. */
  readonly now: number;
}

/** A lock as the caller of a list sees it. */
export interface ListedLock extends LockInfo {
  /** Whether that caller may take it over: its own lock, or that of others by its role. */
  readonly mayTakeOver: boolean;
}

/** The locks of a campaign, or those of jobs, that are held now. */
export interface LockList {
  /** Missing: they are the jobs'. */
  readonly campaignId?: string;
  /** Rises with every change. */
  readonly revision: number;
  /** The log's time, about, in epoch milliseconds. */
  readonly now: number;
  /** Those that the caller may know of, the oldest first. */
  readonly locks: readonly ListedLock[];
}

/** What others are shown of a row. */
export function infoOf({ lockId, fence, path, holder, note, ttlMs, expiresAt }: LockRow): LockInfo {
  return { lockId, fence, path, holder, ...(note !== undefined && { note }), ttlMs, expiresAt };
}
