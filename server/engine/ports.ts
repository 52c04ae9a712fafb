import type { JsonObject } from '../core/json.ts';
import type { Command } from '../core/commands/command.ts';
import type { Entry } from '../core/stream/entry.ts';
import type { Fork } from '../core/stream/position.ts';

/**
 * The three things that the engine needs from the world: a log that orders, an archive that keeps, a clock. Each has an
 * in-memory twin, and one contract suite that all of its implementations pass.
 */

/**
 * Where a campaign stands: its line, its version, and the hash chained over every entry's bytes, which no fork can
 * share.
 */
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
  /**
   * The expected head is not on the log's line, or the log does not hold the campaign under the generation it was
   * opened with.
   */
  | { kind: 'lost' };

/** What the log says of a hosted campaign. */
export type LogEvent =
  | { kind: 'entry'; sealed: SealedEntry }
  /** Everything up to this version of this epoch is committed in the archive. */
  | { kind: 'durable'; epoch: string; version: number }
  /** The log holds it under another generation, or no longer: load again. */
  | { kind: 'reset' };

/** What a campaign's log holds, when it is opened. */
export type OpenedLog =
  | {
      kind: 'opened';
      head: Head;
      /** Up to here the archive has everything. */
      durableVersion: number;
      /** All entries after the archive's head, in order, without a hole. */
      entries: SealedEntry[];
    }
  /** The log does not hold the campaign under that generation, or not on the archive's line. */
  | { kind: 'absent' }
  /** The archive was read before it took entries that the log has since let go: read it again. */
  | { kind: 'stale-archive' };

/** Entries of one campaign that wait for the archive: contiguous, the first follows the archive's head. */
export interface PendingEntries {
  campaignId: string;
  entries: SealedEntry[];
}

/** Orders the entries of each campaign, and tells everyone who hosts it. */
export interface OrderedLog {
  /**
   * Starts to host a campaign: from now on `listener` hears every entry and watermark, in order per campaign. An
   * earlier listener of this instance is replaced.
   */
  open(campaignId: string, generation: number, archived: Head, listener: (event: LogEvent) => void): Promise<OpenedLog>;
  /**
   * Brings the campaign into the log at that head. Without effect where the log holds it under this generation or a
   * later one.
   */
  seed(campaignId: string, generation: number, head: Head): Promise<void>;
  /**
   * What the log still holds after that head, in order, as far as each entry's tail follows, whatever the generation.
   */
  remainder(campaignId: string, archived: Head): Promise<SealedEntry[]>;
  /**
   * Stops to host it; with `leave`, the campaign also leaves the log, if all of it is durable and no other instance
   * hosts it: true where it did.
   */
  close(campaignId: string, options: { leave: boolean }): Promise<boolean>;
  /** Appends all or nothing, if the head is still the expected one. No entries: only confirms the head. */
  append(campaignId: string, expected: Head, entries: readonly SealedEntry[]): Promise<AppendResult>;
  /** Entries after that version, in order, at most `limit`. */
  read(campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]>;
  /**
   * Campaigns with entries that are not yet durable, oldest first, at most `limit` entries over all, without those in
   * `except`.
   */
  pending(limit: number, except?: ReadonlySet<string>): Promise<PendingEntries[]>;
  /** Moves the watermark of a campaign forward and tells everyone; entries up to it may be trimmed. */
  markDurable(campaignId: string, epoch: string, version: number): Promise<void>;
  /** Calls back, at any time, when `pending` has something new. */
  onPending(wake: () => void): void;
  /** How many entries are not yet durable, and since when (epoch milliseconds) the oldest waits, about. */
  backlog(): { entries: number; oldestAt: number | undefined };
  /** Whether the last call did not reach the log. */
  readonly failing: boolean;
  /**
   * By how many milliseconds the clock of this instance is ahead of the log's, about; 0 where the log has none of its
   * own.
   */
  readonly clockOffset: number;
  /** Whether other instances share it: then they are given a moment to save what they know before an epoch ends. */
  readonly shared: boolean;
  /**
   * This instance archives no more: whoever else hosts what it archived may do so from now on, and is told where
   * something waits. Rejects where the log is away; the others then find out after a while.
   */
  handOver(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A campaign's seat in the log, as the archive knows it. `generation` is raised by one whenever the campaign enters the
 * log anew; `taken` says that it has entered and has not left in order. A taken seat that the log does not know of is
 * how a loss is noticed (a crash of a log in memory, a flushed Redis, a promoted replica): what was accepted since the
 * archive's head may have been seen and is gone, so that the campaign goes on in a new epoch. A free seat means that
 * nothing can have been lost: same epoch, same tail.
 */
export interface LogMembership {
  generation: number;
  active: boolean;
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
  /** Its seat in the log. */
  membership: LogMembership;
  /** The newest entries up to the head, oldest first, without a hole, for resumes and the idempotency window. */
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

/** What the archive knows of a mutation id. */
export interface FoundMutation {
  entry: SealedEntry | undefined;
  /** All ids of this version and later are known: 1, unless older entries have been compacted away. */
  knownFrom: number;
}

/**
 * Keeps everything for good. Every write is guarded by `(epoch, version)`. A thrown error leaves the outcome unknown;
 * who asks resolves it by reading.
 */
export interface Archive {
  /**
   * The campaign with its newest `recent` entries, or `undefined` where there is none. They are fewer where they would
   * be more than `LIMITS.pageBytes`: the one that reaches it is the oldest, and what is older is not read.
   */
  load(campaignId: string, recent: number): Promise<ArchivedCampaign | undefined>;
  /** Version 1 of a new campaign; false where the id is taken. Committed when it resolves. */
  create(campaignId: string, first: SealedEntry, state: JsonObject): Promise<boolean>;
  /**
   * Commits every campaign's part in one transaction; a part whose guard fails is left out and reported. An entry under
   * a mutation id that an earlier entry of its campaign has is kept like any other, and not found by that id.
   */
  commit(parts: readonly CampaignCommit[]): Promise<CommitOutcome[]>;
  /**
   * The campaign enters the log: raises the seat's generation by one and takes it, if head and generation are still the
   * expected ones; with `epoch`, also starts that new epoch at the present head (a `Fork` is recorded; the tail stays).
   * False where another instance was faster, and then nothing has changed.
   */
  enterLog(
    campaignId: string,
    expected: { epoch: string; version: number; generation: number },
    epoch?: string,
  ): Promise<boolean>;
  /**
   * The campaign has left the log in order, everything durable: frees the seat, unless its generation is another by
   * now.
   */
  leaveLog(campaignId: string, generation: number): Promise<void>;
  /** Heads of those campaigns that exist. */
  heads(campaignIds: readonly string[]): Promise<{ campaignId: string; head: Head }[]>;
  /** The first entry with that mutation id, if there is one. */
  findMutation(campaignId: string, mutationId: string): Promise<FoundMutation>;
  /**
   * Newest first: entries with a version below `before` (all: `undefined`), at most `limit`, and fewer where they would
   * be more than `LIMITS.pageBytes`: the one that reaches it is the last. None only where there are none.
   */
  history(campaignId: string, before: number | undefined, limit: number): Promise<SealedEntry[]>;
  /** The state at a version, folded from the nearest checkpoint; `undefined` where that version is not there. */
  stateAt(campaignId: string, version: number): Promise<JsonObject | undefined>;
  /** By id, ascending, after `cursor`. `ids` narrows to those campaigns, `status` to that status. */
  list(query: {
    cursor?: string;
    limit: number;
    status?: string;
    ids?: readonly string[];
    publishedOnly?: boolean;
  }): Promise<CampaignSummary[]>;
  /** Whether the archive answers; rejects where it does not. */
  ping(): Promise<void>;
  /**
   * Closes it. `clean`: everything that was accepted has been committed. An archive with a single user (embedded, or
   * Postgres without Redis) then frees the seats that were taken through it, because the log goes with the process. A
   * seat that an earlier crash left taken stays so until its campaign enters the log again.
   */
  stop(options: { clean: boolean }): Promise<void>;
}

/** Time, timers and chance: the engine has no other source of them. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls back after that many milliseconds, unless it is cancelled. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls back once at the end of this turn of the event loop, after everything that is already on its way in it. */
  turn(callback: () => void): void;
  /** In [0, 1). */
  random(): number;
  /** A random token of URL-safe characters, for epochs. */
  token(): string;
  /** A new unique id, for mutations and correlation ids. */
  id(): string;
}
