import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

/**
 * JSON that is kept as it was written: `json`, never `jsonb`, which reorders keys and rewrites numbers, so that the
 * hashes over the bytes hold. Read it as `column::text`; a driver would parse the bare column.
 */
type VerbatimJson = ColumnType<unknown, string, string>;

/** Campaigns: the head of each, and its state there. */
export interface CampaignsTable {
  id: string;
  epoch: string;
  version: number;
  tail: string;
  state: VerbatimJson;
  /** From the state, for lists. */
  title: string;
  status: string | null;
  /** `owner_id` of the state; the database makes it, and `tags`, from there. */
  owner: GeneratedAlways<string | null>;
  /** The state's tags, as the JSON of an array. */
  tags: GeneratedAlways<string | null>;
  /** All times are epoch milliseconds. */
  archived_at: number | null;
  created_at: number;
  updated_at: number;
  updated_by: string;
  /** The campaign's log membership: see `LogMembership` among the engine's ports. */
  log_generation: number;
  log_active: boolean;
}

/** The history, which is the audit trail too: every entry of the current timeline, its `bytes` exactly as logged. */
export interface EntriesTable {
  campaign_id: string;
  version: number;
  /** `epoch`, `type` and `at` are in `bytes` as well; they are columns for queries in SQL. */
  epoch: string;
  type: string;
  at: number;
  /**
   * Unique in its campaign; `null` where an earlier entry has the id already, which only a client that lies about its
   * base brings about.
   */
  mutation_id: string | null;
  bytes: VerbatimJson;
  tail: string;
}

/** The forks: the timeline of `epoch` follows that of `parent` up to `from_version`. */
export interface EpochsTable {
  /** Orders the forks of a campaign, of which several can stand at one version. */
  ordinal: GeneratedAlways<number>;
  campaign_id: string;
  epoch: string;
  parent: string;
  from_version: number;
}

/** States at some versions, from which `stateAt` folds. */
export interface CheckpointsTable {
  campaign_id: string;
  version: number;
  state: VerbatimJson;
}

/** API keys of services. */
export interface AccessKeysTable {
  id: string;
  name: string;
  /** SHA-256 of the secret; the secret is not stored. */
  hash: string;
  /** Roles by campaign id, as JSON. */
  grants: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  preview_of: string | null;
}

/** Restores that have begun and not ended. */
export interface RestoresTable {
  id: string;
  /** When it began, or staged something last, in epoch milliseconds. */
  touched_at: number;
  /** Whether what it has staged was dropped: nothing is staged for it, or adopted, until it begins again. */
  dropped: Generated<boolean>;
}

/** What a restore has adopted already, so that one that was killed goes on from there. */
export interface RestoredCampaignsTable {
  restore_id: string;
  campaign_id: string;
}

/** Entries of restores, until they are adopted: by parts of a campaign. */
export interface StagedPartsTable {
  restore_id: string;
  campaign_id: string;
  /** The version of the first of them. */
  from_version: number;
  count: number;
  /** The entries as an array (`StagedEntry` of `restoring/staging.ts`). */
  entries: VerbatimJson;
}

/** Checkpoints of restores, likewise. */
export interface StagedCheckpointsTable extends CheckpointsTable {
  restore_id: string;
}

/** The periodic snapshot: one row, `name` is `periodic`. */
export interface SnapshotScheduleTable {
  name: string;
  /** The instance that takes one, and until when it has claimed that. */
  holder: string | null;
  held_until: number;
  /** When the last one was complete; 0 where there was none. */
  saved_at: number;
  /** The last one, as JSON. */
  run: string | null;
}

/** What happened beside changes of campaigns; a chain like that of entries. */
export interface AuditEventsTable {
  position: number;
  bytes: VerbatimJson;
  tail: string;
}

/** The end of the events, also where the oldest were dropped. */
export interface AuditHeadTable {
  name: string;
  position: number;
  tail: string;
}

/** Signed statements. */
export interface AuditStatementsTable {
  position: number;
  /** What is signed. */
  bytes: string;
  signature: string;
}

/** The newest version of each campaign that was signed: a shortcut, which the statements prove. */
export interface AuditSignedTable {
  campaign_id: string;
  version: number;
  at: number;
}

/** What units were first shown: one row for each unit of a phase. */
export interface AnalyticsExposuresTable {
  campaign_id: string;
  rule: string;
  phase: number;
  /** Keyed hash. */
  unit: string;
  verified: boolean;
  arm: string;
  at: number;
  epoch: string;
  version: number;
  /** Buckets of the arms, as JSON. */
  split: string;
  multiple: boolean;
}

/** What units did: one row for each event and unit. */
export interface AnalyticsGoalsTable {
  campaign_id: string;
  unit: string;
  goal: string;
  /** Of the event, unique for the unit. */
  id: string;
  at: number;
  epoch: string;
  version: number;
  /** In millionths. */
  value: number;
}

/** Pages that have painted a version. */
export interface AnalyticsPaintsTable {
  campaign_id: string;
  epoch: string;
  version: number;
  page: string;
  at: number;
  delay_ms: number;
  share: number;
}

/** Live streams at the end of minutes, by instance. */
export interface AnalyticsViewersTable {
  campaign_id: string;
  minute: number;
  instance: string;
  epoch: string;
  version: number;
  viewers: number;
}

/** What is left for the timeline of rows that were removed. */
export interface AnalyticsMinutesTable {
  campaign_id: string;
  minute: number;
  epoch: string;
  version: number;
  kind: 'exposure' | 'goal';
  name: string;
  count: number;
}

/** When phases were found to have ended. */
export interface AnalyticsPhasesTable {
  campaign_id: string;
  rule: string;
  phase: number;
  ended_at: number | null;
}

/** Salts of the hashes of units. */
export interface AnalyticsSaltsTable {
  campaign_id: string;
  salt: string;
}

/** Places that units keep over a login: `core/targeting/held-places.ts`. */
export interface HeldPlacesTable {
  campaign_id: string;
  /** Keyed hash. */
  unit: string;
  line: string;
  bucket: number;
  since: number;
}

/** The lines on which places are held. */
export interface HeldLinesTable {
  campaign_id: string;
  line: string;
  /** How many there are. */
  places: number;
  /** When it was found that no rule has it any more. */
  ended_at: number | null;
}

/** Campaigns that were deleted. */
export interface DeletionsTable {
  /** Orders them. */
  ordinal: GeneratedAlways<number>;
  campaign_id: string;
  deleted_at: number;
  deleted_by: string;
  /** The epoch of its head. */
  epoch: string;
  /** The deletion, as JSON. */
  deletion: string;
  generation: number;
  /** Whether nothing is left of it. */
  complete: boolean;
}

/** What compacted histories begin with: the checkpoint of that version. */
export interface HistoryBasesTable {
  campaign_id: string;
  version: number;
  tail: string;
  archived_at: number | null;
  updated_at: number;
  updated_by: string;
  /** Whether rows before it may be left. */
  open: boolean;
}

/** What is kept of single histories, in place of what is kept of all. */
export interface HistoryKeepsTable {
  campaign_id: string;
  /** Where neither is there, everything is kept. */
  versions: number | null;
  age_ms: number | null;
}

/** What was redacted of entries. */
export interface RedactionsTable {
  /** Orders them. */
  ordinal: GeneratedAlways<number>;
  campaign_id: string;
  version: number;
  /** Of the entry: it names it in every campaign that has it, under whatever id it was restored. */
  tail: string;
  /** The redaction, as JSON. */
  redaction: string;
  /** Of the bytes that are left. */
  hash: string;
  /** Up to this version entries are not loaded with the campaign; 0 where its history is another one by now. */
  through: number;
  /** Whether the log has dropped the entry as it was. */
  forgotten: boolean;
}

/** The archive's tables, in the Postgres schema that `CAMPAIGN_NAMESPACE` names. */
export interface Database {
  campaigns: CampaignsTable;
  entries: EntriesTable;
  epochs: EpochsTable;
  checkpoints: CheckpointsTable;
  access_keys: AccessKeysTable;
  restores: RestoresTable;
  restored_campaigns: RestoredCampaignsTable;
  staged_parts: StagedPartsTable;
  staged_checkpoints: StagedCheckpointsTable;
  snapshot_schedule: SnapshotScheduleTable;
  audit_events: AuditEventsTable;
  audit_head: AuditHeadTable;
  audit_statements: AuditStatementsTable;
  audit_signed: AuditSignedTable;
  analytics_exposures: AnalyticsExposuresTable;
  analytics_goals: AnalyticsGoalsTable;
  analytics_paints: AnalyticsPaintsTable;
  analytics_viewers: AnalyticsViewersTable;
  analytics_minutes: AnalyticsMinutesTable;
  analytics_phases: AnalyticsPhasesTable;
  analytics_salts: AnalyticsSaltsTable;
  held_places: HeldPlacesTable;
  held_lines: HeldLinesTable;
  deletions: DeletionsTable;
  history_bases: HistoryBasesTable;
  redactions: RedactionsTable;
  history_keeps: HistoryKeepsTable;
}
