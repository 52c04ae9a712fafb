import type { StoredEntry, StoredRedaction } from './history-store.ts';
import type { JsonValue } from './json.ts';
import type { Head } from './stream/log-record.ts';
import type { ProvenRedaction } from './stream/redaction.ts';

/** A place among entries in the order of their times, newest first. */
export interface AuditPlace {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly campaignId: string;
  readonly version: number;
}

/** Which entries are asked for; those that are left out do not narrow. */
export interface EntryFilter {
  readonly campaignId?: string | undefined;
  /** Id of the actor. */
  readonly actor?: string | undefined;
  /** Type of the command. */
  readonly type?: string | undefined;
  /** A place in the document, outermost first: entries that change it, or something in it or around it. */
  readonly path?: readonly string[] | undefined;
  /** Times, in epoch milliseconds, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Text that stands anywhere in the entry, as JSON has it. */
  readonly text?: string | undefined;
}

/** A part of the entries that were asked for, newest first. */
export interface EntriesFound {
  readonly entries: StoredEntry[];
  /** Where to go on; `undefined` where there is nothing more to look at. Not every part has entries. */
  readonly next: AuditPlace | undefined;
}

/** What happened beside changes of campaigns: a refused attempt, a login, a change of access, a restore. */
export interface StoredAuditEvent {
  /** Its place in the order of all of them, from 1 on. */
  readonly position: number;
  /** The event as JSON, byte by byte as it was recorded. */
  readonly bytes: string;
  /** `sha256(tail of the one before ‖ bytes)`. */
  readonly tail: string;
}

/** A signed statement, `audit/statements.ts`. */
export interface StoredStatement {
  /** Its place in the order of all of them, from 1 on. */
  readonly position: number;
  /** What is signed, byte by byte. */
  readonly bytes: string;
  /** In base64url. */
  readonly signature: string;
}

/** An entry that is to be redacted, and what depends on it. */
export interface EntryRedaction extends ProvenRedaction {
  readonly campaignId: string;
  /** The epoch of the campaign's head. */
  readonly epoch: string;
  /** The bytes of the entry as they are, and without what goes. */
  readonly before: string;
  readonly after: string;
  /**
   * What stands at the place from that version on, up to the first one in which the value had gone anyway: checkpoints
   * there are written anew.
   */
  readonly shown: readonly { readonly from: number; readonly value: JsonValue | undefined }[];
  /** That version. */
  readonly through: number;
  /** How often the campaign was redacted before. */
  readonly redactions: number;
  /** The audit event that says so, as JSON. */
  readonly event: string;
}

/** Storage of the audit; implemented by every archive, and held to one behaviour by one contract suite. */
export interface AuditStore {
  /**
   * Looks through at most 2,000 entries, newest first, for those that are asked for.
   *
   * @param limit entries that are returned, at most; fewer where they would exceed 1 MiB
   */
  findEntries(filter: EntryFilter, before: AuditPlace | undefined, limit: number): Promise<EntriesFound>;
  /** Records events behind the last one, and drops the oldest beyond `keep`. */
  appendEvents(events: readonly string[], keep: number): Promise<void>;
  /** Events after that position, in order, at most `limit`. */
  readEvents(afterPosition: number, limit: number): Promise<StoredAuditEvent[]>;
  /** Events before that position (`undefined`: all), newest first, at most `limit`. */
  newestEvents(before: number | undefined, limit: number): Promise<StoredAuditEvent[]>;
  /**
   * Heads that are to be signed: so many entries beyond what was signed of the campaign, or any where that was signed
   * before that time.
   */
  unsignedHeads(
    minEntries: number,
    signedBefore: number,
    limit: number,
  ): Promise<{ readonly campaignId: string; readonly head: Head }[]>;
  lastStatement(): Promise<StoredStatement | undefined>;
  /**
   * Appends a statement, and notes the versions that it signs.
   *
   * @returns false where there is one of its position already, and nothing has changed
   */
  appendStatement(
    statement: StoredStatement,
    heads: readonly { readonly campaignId: string; readonly version: number }[],
    at: number,
  ): Promise<boolean>;
  /** Statements after that position, in order, at most `limit`. */
  readStatements(afterPosition: number, limit: number): Promise<StoredStatement[]>;
  /**
   * Puts what is left of an entry in its place, and writes the checkpoints anew that its value stands in, in one
   * transaction, which records the redaction and its event. Entries up to `through` are no longer loaded with the
   * campaign: what a viewer is sent as differences would not lead from what it has to what there is. What restores have
   * staged of the entry is dropped, with all else that they have staged.
   *
   * @returns false where the entry, its campaign's epoch, its redactions, or the beginning of its history are others by
   *   now, or it ends before `through`, and nothing has changed
   */
  redact(redacted: EntryRedaction): Promise<boolean>;
  /** Redactions of all campaigns after that one, in order, at most `limit`. */
  redactionsAfter(ordinal: number, limit: number): Promise<StoredRedaction[]>;
  /** Notes that the log has dropped an entry as it was. */
  markForgotten(ordinal: number): Promise<void>;
}
