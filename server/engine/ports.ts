import type { Deletion, FormerLife } from '../core/deletion.ts';
import type { DocumentTree } from '../core/document/document-tree.ts';
import type { JsonObject } from '../core/json.ts';
import type { LockChange, LockCondition, LockTable } from '../core/locks/lock-table.ts';
import type { Head, SealedEntry } from '../core/stream/log-record.ts';
import type { ListFilter, ListSort, SearchedField } from '../core/stream/list-query.ts';
import type { Fork } from '../core/stream/position.ts';

/*
 * The ports of the engine: a log that orders, an archive that stores, a clock. Each has an implementation in memory,
 * and one contract suite that all of its implementations pass.
 */

/** The outcome of an append. A thrown error means that the outcome is not known. */
export type AppendResult =
  /** All entries are in the log. For an append without entries: the expected head is the log's head. */
  | { readonly kind: 'appended' }
  /** The head is another one; `entries` are those after the expected version. Nothing was appended. */
  | { readonly kind: 'conflict'; readonly entries: SealedEntry[] }
  /**
   * The expected head is not on the log's timeline, or the log does not hold the campaign under the generation that it
   * was opened with. Nothing was appended.
   */
  | { readonly kind: 'lost' }
  /** The head is the expected one, but the condition on the locks does not hold. Nothing was appended. */
  | { readonly kind: 'locks'; readonly reading: LockReading };

/** The lock table of a campaign, and the log's time at which it was read, in epoch milliseconds. */
export interface LockReading {
  readonly table: LockTable;
  readonly now: number;
}

/** The outcome of a change of locks. A thrown error means that the outcome is not known. */
export type LockOutcome =
  /** It was made, or confirmed where there was nothing to change; this is the table after it, or a later one. */
  | { readonly kind: 'changed'; readonly reading: LockReading }
  /** Its condition does not hold: for this table, or at this time. Nothing was changed. */
  | { readonly kind: 'stale'; readonly reading: LockReading }
  /** The log does not hold the campaign under the generation that it was opened with. */
  | { readonly kind: 'lost' };

/**
 * The lock table of the jobs of the namespace, which belong to no campaign. It ends where the log may have lost a part
 * of it: with the process that holds it, as everything does, or where a caller knows of a later one. The next one is
 * empty, and its revision higher.
 */
export interface JobLocks {
  /**
   * Changes the table if the change's condition holds, and publishes it. Without rows it only confirms, or tells what
   * has become of the table.
   *
   * @throws Error where the log does not answer; the outcome is then not known
   */
  change(change: LockChange): Promise<Exclude<LockOutcome, { readonly kind: 'lost' }>>;
  /** Sets who is told of the table whenever it is another one, once it has been asked for. */
  onTable(listener: (table: LockTable) => void): void;
}

/** A publication of the log about a campaign that this instance has opened. */
export type LogEvent =
  /** An entry was appended. What was read and published at once may be told twice. */
  | { readonly kind: 'entry'; readonly sealed: SealedEntry }
  /** The watermark has moved: everything up to this version of this epoch is committed in the archive. */
  | { readonly kind: 'durable'; readonly epoch: string; readonly version: number }
  /** The locks have changed; the newest table that this instance knows, which may skip some. */
  | { readonly kind: 'locks'; readonly table: LockTable }
  /** What the log tells may be old, because the server that it comes from is away; or it is not any more. */
  | { readonly kind: 'stale'; readonly stale: boolean }
  /** The log holds the campaign under another generation, or no longer: it has to be recovered. */
  | { readonly kind: 'reset' };

/** The log of a campaign when it is opened. */
export type OpenedLog =
  | {
      readonly kind: 'opened';
      readonly head: Head;
      /** The watermark: the archive has everything up to this version. */
      readonly durableVersion: number;
      /** All entries after the archive's head, in order, without a gap. */
      readonly entries: SealedEntry[];
      readonly locks: LockTable;
      /**
       * Whether `archived` holds more than is durable, as with a relay, whose archive is its upstream: the watermark is
       * `durableVersion` then. Default false.
       */
      readonly isAheadOfWatermark?: boolean;
      /** What it holds may be old already, as after {@link LogEvent} `stale`. Default false. */
      readonly stale?: boolean;
    }
  /** The log does not hold the campaign under that generation, or not on the archive's timeline. */
  | { readonly kind: 'absent' }
  /** The archive was read before it took entries that the log has trimmed since: it has to be read again. */
  | { readonly kind: 'stale-archive' };

/** Entries of one campaign that wait for the archive: contiguous, the first follows the archive's head. */
export interface PendingEntries {
  readonly campaignId: string;
  readonly entries: SealedEntry[];
}

/**
 * The log: orders the entries of each campaign, and publishes them to every instance that has opened it. Implemented by
 * `log/redis-log.ts` and `log/memory-log.ts`.
 */
export interface OrderedLog {
  /**
   * Opens a campaign. From then on `listener` (`hosting/log-follower.ts`) is called with every entry and watermark, in
   * order; it replaces an earlier listener of this instance.
   *
   * @param generation of the campaign's {@link LogMembership}
   * @param archived the archive's head
   */
  open(campaignId: string, generation: number, archived: Head, listener: (event: LogEvent) => void): Promise<OpenedLog>;
  /**
   * Makes a campaign a member of the log, at that head. Has no effect where the log holds it under this generation or a
   * later one.
   */
  seed(campaignId: string, generation: number, head: Head): Promise<void>;
  /**
   * The entries that the log still holds after that head, in order, as far as each follows the one before by its tail,
   * under whatever generation.
   */
  remainder(campaignId: string, archived: Head): Promise<SealedEntry[]>;
  /**
   * Closes a campaign on this instance. With `leave` it also leaves the log, if all of its entries are durable and no
   * other instance has it open.
   *
   * @returns whether it has left the log
   */
  close(campaignId: string, options: { readonly leave: boolean }): Promise<boolean>;
  /**
   * Removes a campaign, with its locks, if it is held under that generation, at that head, and everything is durable.
   * Nothing is appended to it from then on.
   *
   * @returns false where that is not so, and nothing has changed
   */
  remove(campaignId: string, generation: number, head: Head): Promise<boolean>;
  /**
   * Removes whatever is left of a campaign that was deleted: what it holds up to that generation, and who is there.
   * Every instance that has it open under one of these is told `reset`.
   */
  clear(campaignId: string, generation: number): Promise<void>;
  /**
   * Drops the entries of a campaign up to that version, which were redacted in the archive; whoever wants them reads
   * them there.
   *
   * @returns false where the watermark has not come so far, and nothing has changed
   */
  forget(campaignId: string, version: number): Promise<boolean>;
  /**
   * Appends all of the entries or none, if the head is still the expected one. Without entries it only confirms the
   * head.
   *
   * @param locks what the decision rests on; the log compares it with its lock table and settles it by its own time.
   *   Absent: the locks are not asked
   * @throws Error where the log does not answer; the outcome is then not known
   */
  append(
    campaignId: string,
    expected: Head,
    entries: readonly SealedEntry[],
    locks?: LockCondition,
  ): Promise<AppendResult>;
  /**
   * Changes the lock table of a campaign that this instance has opened, if the change's condition holds, and publishes
   * the table. The log stamps what begins a lease with its own time.
   *
   * @throws Error where the log does not answer; the outcome is then not known
   */
  changeLocks(campaignId: string, change: LockChange): Promise<LockOutcome>;
  /** Entries after that version, in order, at most `limit`. */
  read(campaignId: string, afterVersion: number, limit: number): Promise<SealedEntry[]>;
  /**
   * Entries that are not durable yet, by campaign, the longest waiting first: at most `limit` entries over all
   * campaigns, without the campaigns in `except`.
   */
  pending(limit: number, except?: ReadonlySet<string>): Promise<PendingEntries[]>;
  /** Moves the watermark of a campaign forward and publishes it; entries up to it may be trimmed. */
  markDurable(campaignId: string, epoch: string, version: number): Promise<void>;
  /** Registers a callback, that of `archiving/archiver.ts`, for when an append has given `pending` something new. */
  onPending(callback: () => void): void;
  /** Number of entries that are not durable yet, and since when, in epoch milliseconds, the oldest waits; about. */
  backlog(): { readonly entries: number; readonly oldestAt: number | undefined };
  readonly health: LogHealth;
  /** Milliseconds by which this instance's clock is ahead of the log's, about; 0 where the log has no clock. */
  readonly clockOffset: number;
  /** Whether other instances use this log: they are given time to save what they hold before an epoch ends. */
  readonly shared: boolean;
  readonly jobLocks: JobLocks;
  readonly viewers: ViewerCounts;
  readonly presence: PresenceExchange;
  /**
   * Hands over what this instance archives: other instances that have these campaigns open take their entries over at
   * once.
   *
   * @throws Error where the log does not answer; the others then take over once the leases have expired
   */
  handOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Viewers of campaigns, exchanged between the instances of one log. */
export interface ViewerCounts {
  /** Sets what tells the viewers that a campaign has on this instance. */
  provide(countOf: (campaignId: string) => number): void;
  /**
   * The viewers that these campaigns have on all other instances; without those that have none. The first answer for a
   * campaign may be empty: asking makes the other instances say it.
   *
   * @throws Error where the log does not answer
   */
  elsewhere(campaignIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Who is at campaigns, exchanged between the instances of one log. What it carries is a text of the engine's. */
export interface PresenceExchange {
  /**
   * Says what this instance knows of a campaign, to all instances that have it open; `undefined`: nobody is there any
   * more. It is kept for ten seconds.
   *
   * @throws Error where the log does not answer
   */
  publish(campaignId: string, text: string | undefined): Promise<void>;
  /**
   * What the other instances have said of it, by instance.
   *
   * @throws Error where the log does not answer
   */
  read(campaignId: string): Promise<ReadonlyMap<string, string>>;
  /** Sets who hears what the other instances say. */
  onPublished(listener: (campaignId: string, instance: string, text: string | undefined) => void): void;
}

/** The presence of a log that no other instance uses. */
export const NO_OTHER_PRESENCE: PresenceExchange = {
  publish: () => Promise.resolve(),
  read: () => Promise.resolve(new Map()),
  onPublished: () => undefined,
};

/** The viewer counts of a log that no other instance uses. */
export const NO_OTHER_VIEWERS: ViewerCounts = {
  provide: () => undefined,
  elsewhere: () => Promise.resolve(new Map()),
};

/**
 * Why a log or an archive fails. `cause` is one of few words, for metrics, alerts and runbooks; `message` is a sentence
 * for people.
 */
export interface DependencyFailure {
  readonly cause: string;
  readonly message: string;
}

/**
 * Health of a log; `undefined` is healthy. Reading and writing are judged apart: a Redis that is full or read-only
 * still answers every read.
 */
export interface LogHealth {
  readonly reading: DependencyFailure | undefined;
  readonly writing: DependencyFailure | undefined;
  /** A setting under which the log can lose entries, changed since the start. */
  readonly settings: DependencyFailure | undefined;
}

/** The health of a log that cannot fail. */
export const HEALTHY_LOG: LogHealth = { reading: undefined, writing: undefined, settings: undefined };

/**
 * The membership of a campaign in the log, as the archive records it. `generation` is its fencing token: it is raised
 * by one with each entry into the log. `active` says that the campaign has entered and has not left in order.
 *
 * An active membership that the log does not know of reveals a loss: a crash of a log in memory, a flushed Redis, a
 * promoted replica. Entries after the archive's head may then have been seen and be gone, so that the campaign goes on
 * in a new epoch (`campaign/log-recovery.ts`). An inactive membership means that nothing was lost: same epoch, same
 * tail.
 */
export interface LogMembership {
  readonly generation: number;
  readonly active: boolean;
}

/** A campaign as the archive stores it. */
export interface ArchivedCampaign {
  readonly head: Head;
  /** The state at `head.version`. */
  readonly state: JsonObject;
  /** Epoch milliseconds; `undefined` where the campaign is not archived. */
  readonly archivedAt: number | undefined;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  /** Id of the actor of the newest entry. */
  readonly updatedBy: string;
  /** All forks of the campaign's timeline, oldest first. */
  readonly lineage: Fork[];
  readonly membership: LogMembership;
  /** The newest entries up to the head, oldest first, without a gap, for resumes and the idempotency window. */
  readonly recent: SealedEntry[];
  /** Campaigns that had its id before, and were deleted. */
  readonly former: readonly FormerLife[];
}

/** A row of `campaign.list`. */
export interface CampaignSummary {
  readonly campaignId: string;
  readonly title: string;
  readonly status: string | undefined;
  /** `owner_id` of the document. */
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly version: number;
  /** Epoch milliseconds. */
  readonly updatedAt: number;
  readonly updatedBy: string;
  /** Epoch milliseconds; absent where the campaign is not archived. */
  readonly archivedAt?: number;
}

/** One campaign's part of a commit: entries that follow on `expected`, and the checkpoint after them. */
export interface CampaignCommit {
  readonly campaignId: string;
  readonly expected: { readonly epoch: string; readonly version: number };
  readonly entries: SealedEntry[];
  /** The state after the last entry; of a large document its text is made without its plain form (`jsonText`). */
  readonly state: DocumentTree;
  readonly archivedAt: number | undefined;
}

/** The outcome of one campaign's part of a commit. */
export type CommitOutcome =
  | { readonly campaignId: string; readonly kind: 'committed' }
  /** The archive's head is another one, given here, and this part has changed nothing. */
  | { readonly campaignId: string; readonly kind: 'conflict'; readonly head: Head | undefined };

/** The archive's answer about a mutation id. */
export interface FoundMutation {
  readonly entry: SealedEntry | undefined;
  /** Ids of this version and later are known: 1, unless older entries have been compacted away. */
  readonly knownFrom: number;
}

/** Which campaigns `Archive.list` and `Archive.count` are about. */
export interface CountQuery extends ListFilter {
  /** The fields that `search` looks in, beside the id. Default: all of `SEARCHED_FIELDS`. */
  readonly searched?: readonly SearchedField[];
  /** Only these campaigns. */
  readonly ids?: readonly string[];
  /** Leaves out drafts. */
  readonly publishedOnly?: boolean;
}

/** Query of `Archive.list`. */
export interface ListQuery extends CountQuery {
  /** Only campaigns whose id is greater. */
  readonly cursor?: string;
  /** How many campaigns are left out before the first. Default 0. */
  readonly offset?: number;
  /** Rows, at most. */
  readonly limit: number;
  /** Default: by id. */
  readonly sort?: ListSort;
}

/**
 * The archive: durable storage of every entry and of checkpoints of the state. Every write is guarded by
 * `(epoch, version)`, a commit by the tail that its entries follow too. A thrown error leaves the outcome of a write
 * unknown; the caller resolves it by reading.
 *
 * Implemented by `archive/sql/sql-archive.ts` (on Postgres, and on PGlite in a worker) and `archive/memory-archive.ts`.
 */
export interface Archive {
  /**
   * Loads a campaign with its newest `recent` entries, or `undefined` where there is none. Entries are fewer where they
   * would exceed `LIMITS.pageBytes`: the one that reaches it is the oldest.
   */
  load(campaignId: string, recent: number): Promise<ArchivedCampaign | undefined>;
  /**
   * Creates a campaign at version 1; false where the id is taken, or a deletion under it is not complete. Its log
   * membership begins above that of a campaign of its id that was deleted. Committed when it resolves.
   */
  create(campaignId: string, first: SealedEntry, state: JsonObject): Promise<boolean>;
  /**
   * Commits every campaign's part in one transaction; a part whose guard fails is left out and reported. An entry under
   * a mutation id that an earlier entry of its campaign has is stored like any other, and not found by that id.
   */
  commit(parts: readonly CampaignCommit[]): Promise<CommitOutcome[]>;
  /**
   * Records that a campaign enters the log: raises the generation of its membership by one and makes it active, if head
   * and generation are still the expected ones. With `epoch`, also begins that epoch at the present head: a `Fork` is
   * recorded, the tail stays.
   *
   * @returns false where another instance was faster, and nothing has changed
   */
  enterLog(
    campaignId: string,
    expected: { readonly epoch: string; readonly version: number; readonly generation: number },
    epoch?: string,
  ): Promise<boolean>;
  /**
   * Records that a campaign has left the log in order, with everything durable: its membership is no longer active,
   * unless its generation is another one by now.
   */
  leaveLog(campaignId: string, generation: number): Promise<void>;
  /**
   * Deletes a campaign's row and records the deletion, with its audit event, in one transaction, if the campaign is
   * archived and head and generation are still those of the deletion. Its other rows go by `removeRows`, and nothing
   * can be created under its id until `completeDeletion`.
   *
   * @returns false where it has gone on meanwhile, and nothing has changed
   */
  remove(deletion: Deletion): Promise<boolean>;
  /**
   * Deletes a part of what is left of a campaign whose deletion is not complete.
   *
   * @returns whether there is more
   */
  removeRows(campaignId: string): Promise<boolean>;
  /** Records that nothing is left of a campaign anywhere: its id is free. */
  completeDeletion(campaignId: string): Promise<void>;
  /** Deletions that are not complete, the oldest first, at most 100. */
  openDeletions(): Promise<Deletion[]>;
  /** The newest deletion of a campaign of that id. */
  findDeletion(campaignId: string): Promise<Deletion | undefined>;
  /** Heads of those of the campaigns that exist. */
  heads(campaignIds: readonly string[]): Promise<{ campaignId: string; head: Head }[]>;
  /** The first entry with that mutation id, if there is one. */
  findMutation(campaignId: string, mutationId: string): Promise<FoundMutation>;
  /**
   * Entries with a version below `before` (`undefined`: all), newest first, at most `limit`. They are fewer where they
   * would exceed `LIMITS.pageBytes`: the one that reaches it is the last. None are returned only where there are none.
   */
  history(campaignId: string, before: number | undefined, limit: number): Promise<SealedEntry[]>;
  /** The state at a version, folded from the nearest checkpoint; `undefined` where there is no such version. */
  stateAt(campaignId: string, version: number): Promise<JsonObject | undefined>;
  /**
   * The newest version whose entry is of that time (epoch milliseconds) or older; `undefined` where there is none, or
   * what was older has been compacted away.
   */
  versionAt(campaignId: string, time: number): Promise<number | undefined>;
  /** Campaigns, in the order of the query. */
  list(query: ListQuery): Promise<CampaignSummary[]>;
  /** How many campaigns `list` would return without a limit. */
  count(query: CountQuery): Promise<number>;
  /** Resolves where the archive answers; rejects where it does not. */
  ping(): Promise<void>;
  /**
   * Closes the archive. `clean`: everything that was accepted has been committed. An archive with a single user
   * (embedded, or Postgres without Redis) then ends the memberships that were entered through it, because the log goes
   * with the process. A membership that an earlier crash left active stays so until its campaign enters the log again.
   */
  stop(options: { readonly clean: boolean }): Promise<void>;
}

/** Time, timers and randomness, of which the engine has no other source. */
export interface Clock {
  /** The time in epoch milliseconds. */
  now(): number;
  /**
   * Calls back after that many milliseconds. Never keeps the process alive.
   *
   * @returns cancels the call
   */
  after(milliseconds: number, callback: () => void): () => void;
  /** Calls back once at the end of this turn of the event loop, after everything that is already queued in it. */
  turn(callback: () => void): void;
  /** A random number in [0, 1). */
  random(): number;
  /** A random token of URL-safe characters, for epochs. */
  token(): string;
  /** A new unique id, for mutations and correlation ids. */
  id(): string;
}
