import type { HistoryBase } from './history-store.ts';

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
  /** Claims compaction until that time; false where another instance has. All times are epoch milliseconds. */
  claimCompaction(holder: string, now: number, until: number): Promise<boolean>;
  /** Campaigns with a checkpoint before all that is kept, later than the one that they begin with; at most `limit`. */
  findCompactable(kept: KeptHistory, limit: number): Promise<Compactable[]>;
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
