import type { Command } from '../commands/command.ts';
import type { Entry } from './entry.ts';
import type { Origin } from './origin.ts';

/**
 * Head of a campaign: its epoch, its version, and the tail, a hash chained over the bytes of every entry so far. Two
 * timelines can reach the same version; they never share a tail again once they differ.
 */
export interface Head {
  readonly epoch: string;
  readonly version: number;
  readonly tail: string;
}

/** An entry as it is logged: what every reader sees, plus what only the audit needs. */
export interface LogRecord extends Entry {
  epoch: string;
  /** The command as it was asked for; `create` and `rollback` without the state they brought, which is in `change`. */
  command: Command | { type: 'create' };
  /** Hash of the command: tells a retry from another command under the same mutation id. */
  fingerprint: string;
  /** Where it came from; missing in what the server does by itself, and in entries of before. */
  origin?: Origin;
}

/** A record with its bytes, which are written once and kept verbatim, and the tail after it. */
export interface SealedEntry {
  record: LogRecord;
  bytes: string;
  tail: string;
}

/** Entry of a record: what readers with the full view see of it. */
export function toEntry(record: LogRecord): Entry {
  const { version, type, change, actor, mutationId, correlationId, comment, at, format } = record;
  return {
    version,
    type,
    change,
    actor,
    mutationId,
    correlationId,
    ...(comment !== undefined && { comment }),
    at,
    format,
  };
}
