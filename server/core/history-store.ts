import type { Head } from './stream/log-record.ts';
import type { Fork } from './stream/position.ts';
import type { ProvenRedaction } from './stream/redaction.ts';

/** A campaign as it stands in storage at one moment: all that belongs to it but its entries. */
export interface StoredHistory {
  readonly campaignId: string;
  readonly head: Head;
  /** The state at the head, as JSON. */
  readonly state: string;
  /** All times are epoch milliseconds. */
  readonly createdAt: number;
  readonly archivedAt: number | undefined;
  readonly updatedAt: number;
  readonly updatedBy: string;
  /** The columns that lists show, which follow from the state. */
  readonly title: string;
  readonly status: string | undefined;
  /** All forks of the timeline, oldest first. */
  readonly lineage: readonly Fork[];
  /** Generation of the log membership. */
  readonly generation: number;
  /** What its entries go on from, where older ones were compacted away. */
  readonly base?: HistoryBase | undefined;
  /** What was redacted of its entries, in that order; missing where nothing was. */
  readonly redactions?: readonly ProvenRedaction[] | undefined;
}

/** The beginning of a compacted history: what the entries up to that version have led to. */
export interface HistoryBase {
  readonly version: number;
  readonly tail: string;
  /** The state, as JSON. */
  readonly state: string;
  /** All times are epoch milliseconds. */
  readonly archivedAt: number | undefined;
  /** When the entry of that version was made, and by whom. */
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** Where a campaign stands in storage. */
export interface StoredHead {
  readonly campaignId: string;
  readonly head: Head;
  /** How often its entries were redacted. */
  readonly redactions: number;
}

/** A redaction in storage. */
export interface StoredRedaction extends ProvenRedaction {
  /** Its place in the order of all of them, from 1 on. */
  readonly ordinal: number;
  readonly campaignId: string;
  /** Whether the log has dropped the entry as it was. */
  readonly forgotten: boolean;
}

/** An entry as it stands in storage. The first members say again what is in `bytes`, for queries. */
export interface StoredEntry {
  readonly campaignId: string;
  readonly version: number;
  readonly epoch: string;
  readonly type: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** `null` where an earlier entry of the campaign has the id already. */
  readonly mutationId: string | null;
  readonly bytes: string;
  readonly tail: string;
}

/** A state that is kept beside the entries, so that states of the past are folded from few of them. */
export interface StoredCheckpoint {
  readonly campaignId: string;
  readonly version: number;
  /** As JSON. */
  readonly state: string;
}

/** A place among all entries, which are in the order of campaign ids, then of versions. */
export interface EntryPlace {
  readonly campaignId: string;
  readonly version: number;
}

/**
 * A history that has been staged, to take its place: at its head, and in a new epoch from there. Its state at the head
 * is the staged checkpoint of that version.
 */
export interface AdoptedHistory {
  readonly campaignId: string;
  readonly head: Head;
  readonly createdAt: number;
  readonly archivedAt: number | undefined;
  readonly updatedAt: number;
  readonly updatedBy: string;
  /** What the entries go on from; its state is the staged checkpoint of that version. */
  readonly base?: Omit<HistoryBase, 'state'> | undefined;
  /** The forks up to the head; the last one is the new epoch, which is `head.epoch`. */
  readonly lineage: readonly Fork[];
  /** Its log membership gets this generation at least, and one above that of what it replaces or follows. */
  readonly generation: number;
  /** What is redacted of its staged entries. */
  readonly redactions?: readonly ProvenRedaction[] | undefined;
  /** Whether it takes the place of a campaign of that id. */
  readonly over: boolean;
}

/**
 * The outcome of an adoption. `exists`: there is a campaign of that id, at this head; `deleting`: one of that id is
 * being deleted; `stale`: something of what is staged was redacted since it was read, or what was staged is gone. Of
 * all three, nothing has changed.
 */
export type Adoption =
  /** With the generation of each, in their order. */
  | { readonly kind: 'adopted'; readonly generations: readonly number[] }
  | { readonly kind: 'exists'; readonly campaignId: string; readonly head: Head }
  | { readonly kind: 'deleting'; readonly campaignId: string }
  | { readonly kind: 'stale' };

/** A periodic snapshot that was saved. */
export interface SnapshotRun {
  /** When it was complete, in epoch milliseconds. */
  readonly at: number;
  /** The name of its file. */
  readonly file: string;
  readonly bytes: number;
  readonly campaigns: number;
  readonly entries: number;
  /** Campaigns that are not in it, because their rows do not fit together. */
  readonly damaged: number;
  readonly seconds: number;
}

/** The claim of an instance to take the periodic snapshot. All times are epoch milliseconds. */
export interface SnapshotClaim {
  /** Names the instance. */
  readonly holder: string;
  readonly now: number;
  /** Until when nobody else takes one, unless it claims again. */
  readonly until: number;
  /** It is due where the last one that was saved is of this time or older. */
  readonly dueBefore: number;
}

/** Storage of whole histories; implemented by every archive, and held to one behaviour by one contract suite. */
export interface HistoryStore {
  /** How many campaigns there are, and how many entries; of these ids, or of all. */
  countHistories(ids?: readonly string[]): Promise<{ readonly campaigns: number; readonly entries: number }>;
  /** Where campaigns stand, by id, ascending, after that id. */
  readHeads(after: string | undefined, limit: number): Promise<StoredHead[]>;
  /** Campaigns by id, ascending, after that id; each as of one moment. */
  readHistories(after: string | undefined, limit: number, ids?: readonly string[]): Promise<StoredHistory[]>;
  /**
   * Entries after that place, up to those of the campaign `through`, in order: at most 1,000, and fewer where they
   * exceed about so many bytes: the one that reaches them is the last. None are returned only where there are none.
   */
  readEntries(after: EntryPlace, through: string, bytes: number): Promise<StoredEntry[]>;
  /** Checkpoints of a campaign after that version, in order, within the same bounds. */
  readCheckpoints(campaignId: string, afterVersion: number, bytes: number): Promise<StoredCheckpoint[]>;
  /**
   * Ids under which there are entries, forks or checkpoints, and no campaign, nor one that is being deleted; at most
   * 1,000.
   */
  orphans(): Promise<string[]>;
  /**
   * Begins a restore, or goes on with one of that id that was not ended. What that one had staged and not adopted is
   * dropped, and so is what others have left that nothing was staged for since `staleAt`.
   *
   * @returns the campaigns that it has adopted already
   */
  beginRestore(restoreId: string, now: number, staleAt: number): Promise<string[]>;
  /**
   * Stages a part of one history or of several: entries and checkpoints under the ids that they are to have. A part
   * that is staged again, from the same version on, takes the place of the earlier one. With nothing, it says that the
   * restore goes on.
   *
   * @returns false where what it has staged was dropped, by a redaction of something of it or because nothing came for
   *   long: it has to begin again
   */
  stage(
    restoreId: string,
    entries: readonly StoredEntry[],
    checkpoints: readonly StoredCheckpoint[],
    now: number,
  ): Promise<boolean>;
  /**
   * Puts staged histories in their places, all of them in one transaction or none.
   *
   * @param redactedUntil the ordinal of the last redaction that they heed
   * @throws ArchiveError `data` where not all entries of one, or not its state, are staged
   */
  adopt(restoreId: string, histories: readonly AdoptedHistory[], redactedUntil: number): Promise<Adoption>;
  /** Ends a restore and drops what is left of it. */
  endRestore(restoreId: string): Promise<void>;
  /**
   * Drops what restores have staged that nothing was staged for since `staleAt`. What one has adopted stays known, so
   * that it does not adopt that again when it goes on, but for those that nothing was staged for since `forgetAt`.
   */
  endStaleRestores(staleAt: number, forgetAt: number): Promise<void>;
  /** Claims the periodic snapshot; false where it is not due, or another instance has claimed it. */
  claimSnapshot(claim: SnapshotClaim): Promise<boolean>;
  /** Gives a claim back; with the snapshot, where one was saved. */
  releaseSnapshot(holder: string, run: SnapshotRun | undefined): Promise<void>;
  /** The last periodic snapshot that was saved, by any instance. */
  lastSnapshot(): Promise<SnapshotRun | undefined>;
}
