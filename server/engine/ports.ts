import type { JsonObject } from '../core/json.ts';
import type { Command } from '../core/command.ts';
import type { Entry } from '../core/entry.ts';
import type { Fork } from '../core/position.ts';

/**
 * The three things that the engine needs from the world: a log that orders, an archive that keeps, a clock. Each has an in-memory
 * twin, and one contract suite that all of its implementations pass.
 */

/** Where a campaign stands: its line, its version, and the hash chained over every entry's bytes, which no fork can share. */
export interface Head {
  epoch: string;
  version: number;
  tail: string;
}

/** An entry as it is logged: what everyone sees, plus what only the audit needs. */
export interface LogRecord extends Entry {
  epoch: string;
  /** What was asked for; `create` and `rollback` without the state they brought, which is in `change`. */
  command: Command | { type: 'create' };
  /** Hash of the command: tells a retry from another command under the same mutation id. */
  fingerprint: string;
}

/** A record with its bytes, written once and kept verbatim, and the tail that stands after it. */
export interface SealedEntry {
  record: LogRecord;
  bytes: string;
  tail: string;
}

/** What became of an append; a thrown error means that the outcome is not known. */
export type AppendResult =
  /** All entries are in the log; with no entries: the expected head is confirmed. */
  | { kind: 'appended' }
  /** The head is another one; `entries` are those after the expected version. Nothing was appended. */
  | { kind: 'conflict'; entries: SealedEntry[] }
  /** The expected head is not on the log's line, or the log has lost the campaign: load again. */
  | { kind: 'lost' };

/** What the log says of a hosted campaign. */
export type LogEvent =
  | { kind: 'entry'; sealed: SealedEntry }
  /** Everything up to this version of this epoch is committed in the archive. */
  | { kind: 'durable'; epoch: string; version: number }
  /** The line broke: load again. */
  | { kind: 'reset' };

/** What a campaign's log holds, when it is opened. */
export interface OpenedLog {
  head: Head;
  /** Up to here the archive has everything. */
  durableVersion: number;
  /** What the log still holds of the entries after the archive's head, in order, without a hole. */
  entries: SealedEntry[];
}

/** Entries of one campaign that wait for the archive: contiguous, the first follows the archive's head. */
export interface PendingEntries {
  campaignId: string;
  entries: SealedEntry[];
}

/** Orders the entries of each campaign, and tells everyone who hosts it. */
export interface OrderedLog {
  /**
   * Starts to host a campaign: from now on `listener` hears every entry and watermark, in order per campaign. If the log does not
   * hold the campaign, it is seeded with the archive's head; else the log's own head comes back, which may be newer.
   */
  open(campaignId: string, archived: Head, listener: (event: LogEvent) => void): Promise<OpenedLog>;
  /** Stops to host it; with `forget`, a campaign whose every entry is durable also leaves the log. */
  close(campaignId: string, options: { forget: boolean }): Promise<void>;
  /** Appends all or nothing, if the head is still the expected one. No entries: only confirms the head. */
  append(campaignId: string, expected: Head, entries: readonly SealedEntry[]): Promise<AppendResult>;
  /** Entries after that version, in order, at most `limit`. */
  read(campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]>;
  /** Campaigns with entries that are not yet durable, oldest first, at most `limit` entries over all, without those in `except`. */
  pending(limit: number, except?: ReadonlySet<string>): Promise<PendingEntries[]>;
  /** Moves the watermark of a campaign forward and tells everyone; entries up to it may be trimmed. */
  markDurable(campaignId: string, epoch: string, version: number): Promise<void>;
  /** Calls back, at any time, when `pending` has something new. */
  onPending(wake: () => void): void;
  /** How many entries are not yet durable, and since when (epoch milliseconds) the oldest waits, about. */
  backlog(): { entries: number; oldestAt: number | undefined };
  /** Whether the last call did not reach the log. */
  readonly failing: boolean;
  stop(): Promise<void>;
}

/** A campaign as the archive keeps it. */
export interface ArchivedCampaign {
  head: Head;
  /** The state at `head.version`. */
  state: JsonObject;
  archivedAt: number | undefined;
  updatedAt: number;
  updatedBy: string;
  /** All forks of this campaign's line, oldest first. */
  lineage: Fork[];
  /** The newest entries up to the head, oldest first, for resumes and the idempotency window. */
  recent: SealedEntry[];
}

/** A row of `campaign.list`. */
export interface CampaignSummary {
  campaignId: string;
  title: string;
  status: string | undefined;
  version: number;
  updatedAt: number;
  updatedBy: string;
  archivedAt?: number;
}

/** One campaign's part of a commit: entries that follow on `expected`, and the checkpoint after them. */
export interface CampaignCommit {
  campaignId: string;
  expected: { epoch: string; version: number };
  entries: SealedEntry[];
  state: JsonObject;
  archivedAt: number | undefined;
}

/** What became of one campaign's part. */
export type CommitOutcome =
  | { campaignId: string; kind: 'committed' }
  /** The archive stands elsewhere, and this part changed nothing: here is its head. */
  | { campaignId: string; kind: 'conflict'; head: Head | undefined };

/**
 * Keeps everything for good. Every write is guarded by `(epoch, version)`. A thrown error leaves the outcome unknown; who asks
 * resolves it by reading.
 */
export interface Archive {
  /** The campaign with its newest `recent` entries, or `undefined` where there is none. */
  load(campaignId: string, recent: number): Promise<ArchivedCampaign | undefined>;
  /** Version 1 of a new campaign; false where the id is taken. Committed when it resolves. */
  create(campaignId: string, first: SealedEntry, state: JsonObject): Promise<boolean>;
  /** Commits every campaign's part in one transaction; a part whose guard fails is left out and reported. */
  commit(parts: readonly CampaignCommit[]): Promise<CommitOutcome[]>;
  /** Starts a new epoch at the present head, if `parent` still holds; false where another one was faster. */
  fork(campaignId: string, parent: { epoch: string; version: number }, epoch: string): Promise<boolean>;
  /** Heads of those campaigns that exist. */
  heads(campaignIds: readonly string[]): Promise<{ campaignId: string; head: Head }[]>;
  /** The entry with that mutation id, or `undefined`. */
  findMutation(campaignId: string, mutationId: string): Promise<SealedEntry | undefined>;
  /** Newest first: entries with a version below `before` (all: `undefined`), at most `limit`. */
  history(campaignId: string, before: number | undefined, limit: number): Promise<SealedEntry[]>;
  /** The state at a version, folded from the nearest checkpoint; `undefined` where that version is not there. */
  stateAt(campaignId: string, version: number): Promise<JsonObject | undefined>;
  /** By id, ascending, after `cursor`. `ids` narrows to those campaigns, `status` to that status. */
  list(query: { cursor?: string; limit: number; status?: string; ids?: readonly string[]; publishedOnly?: boolean }): Promise<CampaignSummary[]>;
  /** Whether the archive answers; rejects where it does not. */
  ping(): Promise<void>;
  /** Closes it. `clean`: everything that was accepted has been committed, so that the next start need not doubt any position. */
  stop(options: { clean: boolean }): Promise<void>;
}

/** Time, timers and chance: the engine has no other source of them. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back after that many milliseconds, unless it is cancelled. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** In [0, 1). */
  random(): number;
  /** A random token of URL-safe characters, for epochs. */
  token(): string;
  /** A new unique id, for mutations and correlation ids. */
  id(): string;
}
