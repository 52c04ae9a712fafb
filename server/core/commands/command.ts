import type { ConfigSection } from '../document/campaign.ts';
import type { HoldoutInput, RuleGroupInput, RuleInput, Segment } from '../document/targeting-fields.ts';
import type { JsonObject } from '../json.ts';
import type { LockToken } from '../locks/lock-table.ts';
import type { Position, VersionName } from '../stream/position.ts';

/** Merge patch on the document: `null` removes a member (RFC 7396). */
export interface UpdateCommand {
  type: 'update';
  updates: JsonObject;
}

export type FeaturesAction = 'add' | 'remove' | 'set';

/** The ordered set of features. `set` takes `[]`. */
export interface UpdateFeaturesCommand {
  type: 'updateFeatures';
  features: string[];
  action: FeaturesAction;
}

export type ConfigMode = 'merge' | 'replace';

/** One section of the configuration, merged (the default) or replaced as a whole. */
export interface UpdateConfigCommand {
  type: 'updateConfig';
  section: ConfigSection;
  value: JsonObject;
  mode?: ConfigMode;
}

/** What a batch may hold. */
export type SimpleCommand = UpdateCommand | UpdateFeaturesCommand | UpdateConfigCommand;

/** At most {@link LIMITS.batchCommands} commands, folded in order into one entry, all or nothing. */
export interface BatchCommand {
  type: 'batch';
  commands: SimpleCommand[];
}

/**
 * Back to the state of an earlier version, as a new version. A position names that version without doubt, also where
 * the campaign has been forked meanwhile.
 */
export interface RollbackCommand {
  type: 'rollback';
  toVersion: VersionName;
}

/** Read-only from then on, until `restore`. */
export interface ArchiveCommand {
  type: 'archive';
}

export interface RestoreCommand {
  type: 'restore';
}

export interface CreateCommand {
  type: 'create';
  state: JsonObject;
}

/**
 * A rule as it shall be, or none of that name. What is given stands whole: a condition is never merged with the one
 * before. Ranges are cut so that the fewest people move.
 */
export interface UpdateRuleCommand {
  type: 'updateRule';
  key: string;
  rule: RuleInput | null;
}

/** A segment as it shall be, or none of that name. */
export interface UpdateSegmentCommand {
  type: 'updateSegment';
  key: string;
  segment: Segment | null;
}

/** A group of rules as it shall be, or none of that name. */
export interface UpdateGroupCommand {
  type: 'updateGroup';
  key: string;
  group: RuleGroupInput | null;
}

/** A holdout as it shall be, or none of that name. */
export interface UpdateHoldoutCommand {
  type: 'updateHoldout';
  key: string;
  holdout: HoldoutInput | null;
}

/** Makes an arm everybody's: its change becomes part of the document, and the rule ends. */
export interface ShipRuleCommand {
  type: 'shipRule';
  key: string;
  winner: string;
}

/** The commands that write the targeting of a campaign; nothing else does, but creation and rollback. */
export type TargetingCommand =
  | UpdateRuleCommand
  | UpdateSegmentCommand
  | UpdateGroupCommand
  | UpdateHoldoutCommand
  | ShipRuleCommand;

/** Command: what a caller asks for. What it does to a state is its effect (`effect.ts`). */
export type Command =
  | SimpleCommand
  | BatchCommand
  | TargetingCommand
  | RollbackCommand
  | ArchiveCommand
  | RestoreCommand
  | CreateCommand;

/** Command on a campaign that exists. */
export type ChangeCommand = Exclude<Command, CreateCommand>;

/** The commands that the SDK pushes and replays: those whose effect needs nothing but the state. */
export type EditCommand = SimpleCommand | BatchCommand;

/** Options that every mutation takes beside its command. */
export interface MutationOptions {
  /** Made by the client, one per intent; the same id is applied once. Made by the server where it is missing. */
  mutationId?: string;
  /** Position at which the intent was made, fixed once: distinguishes a late retry from a new intent. */
  base?: Position;
  /** Refuse with `CONFLICT` unless the campaign is here: a position, or a version of the current epoch. */
  expectedVersion?: VersionName;
  /** When to answer: once ordered, or once committed. Default: `CAMPAIGN_DURABILITY`. */
  durability?: 'accepted' | 'durable';
  /** For the audit. */
  comment?: string;
  /**
   * The locks that it is made under: each has to be held by its caller when the log orders it, and it passes these and
   * no others. A batch names those of all of its commands, a rollback all that there are.
   */
  lock?: LockToken | readonly LockToken[];
  /** Validate and return the diff, change nothing. */
  dryRun?: true;
}

/** Mutation of a `campaign.push`. */
export interface Mutation extends Omit<MutationOptions, 'dryRun' | 'durability'> {
  mutationId: string;
  command: EditCommand;
  /**
   * It was sent before and not answered, so that a copy of it may still be in flight. If it has no effect now, or is
   * refused because of the present state, a tombstone entry keeps that copy from taking effect later, behind mutations
   * that were made after it (G7).
   */
  isRetry?: true;
}
