import type { ColumnType, GeneratedAlways } from 'kysely';

/**
 * JSON that is kept as it was written: `json`, never `jsonb`, which reorders keys and rewrites numbers, so that the
 * hashes over the bytes hold. Read it as `column::text`; a driver would parse the bare column.
 */
type VerbatimJson = ColumnType<unknown, string, string>;

/** One row per campaign: its head, and its state there. */
export interface CampaignsTable {
  id: string;
  epoch: string;
  version: number;
  tail: string;
  state: VerbatimJson;
  /** From the state, for lists. */
  title: string;
  status: string | null;
  /** All times are epoch milliseconds. */
  archived_at: number | null;
  created_at: number;
  updated_at: number;
  updated_by: string;
  /** Its seat in the log: see `LogMembership` in `engine/ports.ts`. */
  log_generation: number;
  log_active: boolean;
}

/** The history, which is the audit too: every entry of the surviving line, its `bytes` exactly as they were logged. */
export interface EntriesTable {
  campaign_id: string;
  version: number;
  /** These are in `bytes` as well; columns for those who ask in SQL. */
  epoch: string;
  type: string;
  at: number;
  /**
   * Unique in its campaign: `null` where an earlier entry has the id already, which only a client brings about that
   * lies about its base.
   */
  mutation_id: string | null;
  bytes: VerbatimJson;
  tail: string;
}

/** The line of epochs: `epoch` went on from `parent` at `from_version`. */
export interface EpochsTable {
  /** Orders the forks of a campaign, of which several can stand at one version. */
  ordinal: GeneratedAlways<number>;
  campaign_id: string;
  epoch: string;
  parent: string;
  from_version: number;
}

/** States on the way. */
export interface CheckpointsTable {
  campaign_id: string;
  version: number;
  state: VerbatimJson;
}

/** Everything that the archive keeps, in the Postgres schema that `CAMPAIGN_NAMESPACE` names. */
export interface Database {
  campaigns: CampaignsTable;
  entries: EntriesTable;
  epochs: EpochsTable;
  checkpoints: CheckpointsTable;
}
