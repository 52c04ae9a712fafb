import type { HistoryBase } from './history-store.ts';

/** What is kept of a history: what one of the two keeps; where neither is there, everything. */
export interface HistoryKeep {
  /** Newest versions. */
  readonly versions?: number | undefined;
  /** Age of entries, in milliseconds. */
  readonly ageMs?: number | undefined;
}

/** What is kept of histories: everything that one of these keeps. */
export interface KeptHistory {
  /** Newest versions. */
  readonly versions: number;
  /** Entries after that time, in epoch milliseconds. */
  readonly since: number;
}

/** A campaign of which more could go, and what its history would begin with. */
export interface Compactable {
  readonly campaignId: string;
  readonly base: HistoryBase;
}

/** Storage that compacts histories; implemented by every archive, and held to one behaviour by one contract suite. */
export interface CompactionStore {
  /**
   * Claims compaction until that time; false where another instance has. It is taken from an instance of before that
   * does not know what is said of single histories. All times are epoch milliseconds.
   */
  claimCompaction(holder: string, now: number, until: number): Promise<boolean>;
  /**
   * Campaigns with a checkpoint before all that is kept, later than the one that they begin with; at most `limit`.
   *
   * @param kept of campaigns of which nothing else is said; `undefined`: everything
   * @param now epoch milliseconds, from which ages are counted
   */
  findCompactable(kept: KeptHistory | undefined, limit: number, now: number): Promise<Compactable[]>;
  /** What is said to be kept of that history; `undefined`: what is kept of all. */
  findKeep(campaignId: string): Promise<HistoryKeep | undefined>;
  /**
   * Says what is kept of a history; `undefined`: what is kept of all.
   *
   * @returns false where there is no such campaign, and nothing has changed
   */
  setKeep(campaignId: string, keep: HistoryKeep | undefined): Promise<boolean>;
  /** Whether something is said of any history, or of one is left what lies before its beginning. */
  mayCompact(): Promise<boolean>;
  /**
   * Makes a history begin with that checkpoint, if the entry of that version is still the one that the base names.
   *
   * @returns false where it is not, and nothing has changed
   */
  setBase(campaignId: string, base: HistoryBase): Promise<boolean>;
  /**
   * Deletes a part of the entries and checkpoints that lie before the beginnings of histories, of at most one campaign.
   *
   * @returns how many entries; `undefined` where nothing is left to delete
   */
  deleteCompacted(): Promise<number | undefined>;
}
