import type { Position } from '../../core/stream/position.ts';

/** What became of a campaign of the file. */
export interface RestoredCampaign {
  /** Its id in the file. */
  readonly campaignId: string;
  /** The id that it has now. */
  readonly as: string;
  /**
   * `present`: an attempt before this one, that was not ended, has restored it; `absent`: it was not there at that
   * time, and is not restored.
   */
  readonly outcome: 'created' | 'replaced' | 'present' | 'absent';
  /** Versions that it has now. */
  readonly version: number;
  /** Where it stands now: in a new epoch. Missing in a dry run, and where it is absent. */
  readonly position?: Position;
  /** Where it stood before it was replaced. */
  readonly replaced?: Position;
  /** How often its entries were redacted, by the file's word or by what the target knows; missing where never. */
  readonly redactions?: number;
}

/** The outcome of a restore. */
export interface RestoreReport {
  readonly dryRun: boolean;
  /** The snapshot's time, in epoch milliseconds. */
  readonly createdAt: number;
  readonly campaigns: RestoredCampaign[];
  /** Campaigns that the file says are not in it, because their rows did not fit together, and why. */
  readonly damaged: { readonly campaignId: string; readonly problem: string }[];
}

/** How far a restore is. */
export interface RestoreProgress {
  readonly phase: 'reading' | 'adopting';
  readonly campaigns: number;
  readonly entries: number;
  /** What the file's first line says of it, or the plan; 0 before the line was read. */
  readonly expectedCampaigns: number;
  readonly expectedEntries: number;
}
