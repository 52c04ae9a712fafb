import type { Command } from '../commands/command.ts';
import type { Entry, EntryType } from './entry.ts';
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
  /**
   * The command as it was asked for; `create` and `rollback` without the state they brought, which is in `change`, and
   * of an entry that was redacted no more than its type.
   */
  command: Command | { type: EntryType };
  /** Hash of the command: tells a retry from another command under the same mutation id. */
  fingerprint: string;
  /** Where it came from; missing in what the server does by itself, and in entries of before. */
  origin?: Origin;
  /**
   * A random token, which goes with a value that is redacted: the tail, which stays, is then no help to whoever guesses
   * it. Missing in entries of before.
   */
  salt?: string;
}

/** The fingerprint of a command that was redacted: a retry is taken for one, as nothing tells it from another. */
export const REDACTED_FINGERPRINT = '';

/** A record with its bytes, which are written once and kept verbatim, and the tail after it. */
export interface SealedEntry {
  record: LogRecord;
  bytes: string;
  tail: string;
}

/** Entry of a record: what readers with the full view see of it. */
export function toEntry(record: LogRecord): Entry {
  const { version, type, change, actor, mutationId, correlationId, comment, at, format, redacted } = record;
  // In the order in which they are written.
  const entry: Entry =
    comment === undefined
      ? { version, type, change, actor, mutationId, correlationId, at, format }
      : { version, type, change, actor, mutationId, correlationId, comment, at, format };
  if (redacted) entry.redacted = redacted;
  return entry;
}
