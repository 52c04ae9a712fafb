import {
  lockTableOf,
  revisionAfter,
  type LockChange,
  type LockRow,
  type LockTable,
} from '../../../core/locks/lock-table.ts';
import type { LockReading } from '../../../engine/ports.ts';
import { asList, asText, asVersion, UnexpectedReplyError } from './values.ts';

/** What a publication says of a change of the lock table. */
export interface LockPublication {
  readonly generation: number;
  readonly from: number;
  readonly to: number;
  readonly set: readonly LockRow[];
  readonly removed: readonly string[];
}

/** The arguments of `LOCKS` for a change. */
export function lockArguments(change: LockChange, generation: number, channel: string): string[] {
  const { condition, set, removed } = change;
  return [
    String(generation),
    String(condition.revision),
    String(revisionAfter(change)),
    timeArgument(condition.notBefore),
    timeArgument(condition.notAfter),
    channel,
    String(set.length),
    ...set.flatMap(({ leaseMs, ...row }) => [row.lockId, String(leaseMs), JSON.stringify(row)]),
    ...removed,
  ];
}

/** A bound of time as an argument of a script; an empty text where there is none. */
export function timeArgument(time: number | undefined): string {
  return time === undefined ? '' : String(time);
}

/**
 * A lock table as the scripts read it: the time, the revision, then id and row of each lock in turn.
 *
 * @throws UnexpectedReplyError
 */
export function toLockReading(source: string, reply: unknown): LockReading {
  const [now, revision, ...fields] = asList(source, reply);
  const rows = Array.from({ length: fields.length / 2 }, (_, index) =>
    toRow(source, asText(source, fields[2 * index + 1])),
  );
  return { table: lockTableOf(asVersion(source, revision), rows), now: asVersion(source, now) };
}

/**
 * A publication of `LOCKS`: generation and both revisions, then a line for each row that is set or gone.
 *
 * @throws UnexpectedReplyError
 */
export function toLockPublication(message: string): LockPublication {
  const source = 'a publication of locks';
  const [first = '', ...lines] = message.split('\n');
  const [generation, from, to] = first.split(' ').map((number) => asVersion(source, number));
  if (generation === undefined || from === undefined || to === undefined) throw new UnexpectedReplyError(source, first);
  return {
    generation,
    from,
    to,
    set: lines.filter((line) => line.startsWith('+')).map((line) => toRow(source, line.slice(line.indexOf(' ') + 1))),
    removed: lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1)),
  };
}

/** The table after a publication, if it is the next one. */
export function afterPublication(table: LockTable, { from, to, set, removed }: LockPublication): LockTable | undefined {
  if (table.revision !== from) return undefined;
  const gone = new Set([...removed, ...set.map(({ lockId }) => lockId)]);
  return lockTableOf(to, [...table.rows.filter(({ lockId }) => !gone.has(lockId)), ...set]);
}

/** A row as it is stored: the end of its lease, and the JSON that `lockArguments` made of the rest. */
function toRow(source: string, text: string): LockRow {
  const space = text.indexOf(' ');
  const expiresAt = asVersion(source, text.slice(0, space));
  return { ...(JSON.parse(text.slice(space + 1)) as Omit<LockRow, 'expiresAt'>), expiresAt };
}
