import type { ChangeCommand } from '../commands/command.ts';
import type { Refusal } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import { commandTouches, patchTouches, type LockPath } from './lock-path.ts';
import type { LockJudge, LockRow, LockTable, LockToken } from './lock-table.ts';

/** The lock table that commands are decided under. */
export interface LockSituation {
  readonly table: LockTable;
  readonly judge: LockJudge;
}

/** Whose command it is, and what it brings. */
export interface LockClaim {
  /** Id of the caller. */
  readonly holder: string;
  readonly tokens: readonly LockToken[];
  /** Whether the caller may be told of that path; a lock elsewhere is refused without its path and its note. */
  mayRead(path: LockPath): boolean;
}

/**
 * Refusal of a command for the locks of its campaign, `undefined` where it may pass.
 *
 * Invariant: what passes was ordered while each of its tokens was the current one of a lock that was alive by the log's
 * clock, and touches no other lock that was. A token that is not current is refused also where nobody else has locked
 * the path since: the holder was away, and others may have changed what it looks at (fencing).
 */
export function refuseLocked(locks: LockSituation, command: ChangeCommand, claim: LockClaim): Refusal | undefined {
  for (const token of claim.tokens) if (!isCurrent(locks, token, claim.holder)) return lockLost();
  return refuseWhereTouched(locks, claim, (path) => commandTouches(command, path));
}

/** The same for what a command comes to, where that can be more than what it names: a rule that is shipped. */
export function refuseLockedChange(locks: LockSituation, change: JsonObject, claim: LockClaim): Refusal | undefined {
  return refuseWhereTouched(locks, claim, (path) => patchTouches(change, path));
}

function isCurrent({ table, judge }: LockSituation, { lockId, fence }: LockToken, holder: string): boolean {
  const row = table.rows.find((each) => each.lockId === lockId);
  return row?.state === 'held' && row.fence === fence && row.holder === holder && judge.isAlive(row);
}

function refuseWhereTouched(
  { table, judge }: LockSituation,
  claim: LockClaim,
  touches: (path: LockPath) => boolean,
): Refusal | undefined {
  if (table.rows.length === 0) return undefined;
  const own = new Set(claim.tokens.map(({ lockId }) => lockId));
  const other = table.rows.find(
    (row) => row.state === 'held' && !own.has(row.lockId) && touches(row.path) && judge.isAlive(row),
  );
  return other && lockedBy(other, claim.mayRead(other.path));
}

/** Refusal of what a lock keeps from its caller. */
export function lockedBy(row: LockRow, isReadable: boolean): Refusal {
  const { path, holder, note, expiresAt } = row;
  const where = !isReadable ? 'a field' : path.length === 0 ? 'the campaign' : path.join('.');
  return {
    reason: 'LOCKED',
    message: `lock: ${holder} has locked ${where}; wait until it is released, or take it over`,
    path: isReadable ? path : [],
    holder,
    expiresAt,
    ...(isReadable && note !== undefined && { note }),
  };
}

/** Refusal under a lock that is over: it has expired, was released or taken over, or went with its epoch. */
export function lockLost(): Refusal {
  return {
    reason: 'LOCK_LOST',
    message: 'lock: it is not held any more; others may have changed what it covered. Acquire it again',
    path: ['lock'],
  };
}
