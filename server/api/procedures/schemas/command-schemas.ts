import { z } from 'zod';
import { CONFIG_SECTIONS } from '../../../core/document/campaign.ts';
import type {
  ArchiveCommand,
  BatchCommand,
  Command,
  CreateCommand,
  EditCommand,
  Mutation,
  MutationOptions,
  RestoreCommand,
  RollbackCommand,
  ShipRuleCommand,
  SimpleCommand,
  UpdateCommand,
  UpdateConfigCommand,
  UpdateFeaturesCommand,
  UpdateGroupCommand,
  UpdateHoldoutCommand,
  UpdateRuleCommand,
  UpdateSegmentCommand,
} from '../../../core/commands/command.ts';
import type { HoldoutInput, RuleGroupInput, RuleInput, Segment } from '../../../core/document/targeting-fields.ts';
import {
  groupInput,
  holdoutInput,
  ruleInput,
  segmentInput,
  targetingName,
} from '../../../core/document/targeting-schema.ts';
import type { JsonObject } from '../../../core/json.ts';
import { LIMITS } from '../../../core/limits.ts';
import type { Moment, Position } from '../../../core/stream/position.ts';
import {
  type CampaignInput,
  campaignId,
  missable,
  position,
  moment,
  mutationId,
  text,
  jsonObject,
  patch,
  options,
} from './parts.ts';

/* Input of what changes campaigns. */

/** Input of a mutation: the campaign, the options of every mutation, and the command's own members. */
type CommandInput<C extends Command> = CampaignInput & MutationOptions & Omit<C, 'type'>;

export interface UpdateInput extends CommandInput<UpdateCommand> {}

export interface UpdateFeaturesInput extends CommandInput<UpdateFeaturesCommand> {}

export interface UpdateConfigInput extends CommandInput<UpdateConfigCommand> {}

export interface BatchInput extends CommandInput<BatchCommand> {}

export interface RollbackInput extends Omit<CommandInput<RollbackCommand>, 'toVersion'> {
  toVersion: Moment;
}

export interface UpdateRuleInput extends CommandInput<UpdateRuleCommand> {}

export interface UpdateSegmentInput extends CommandInput<UpdateSegmentCommand> {}

export interface UpdateGroupInput extends CommandInput<UpdateGroupCommand> {}

export interface UpdateHoldoutInput extends CommandInput<UpdateHoldoutCommand> {}

export interface ShipRuleInput extends CommandInput<ShipRuleCommand> {}

/** `archive` and `restore`. */
export interface LifecycleInput extends CommandInput<ArchiveCommand | RestoreCommand> {}

export interface DeleteInput extends CampaignInput {
  /** Not to wait until it has been archived for seven days. Default false. */
  now?: boolean;
}

export interface CreateInput extends CommandInput<CreateCommand> {}

export interface PushInput extends CampaignInput {
  /**
   * Newest position that the client knows. A push from a timeline that was forked away is refused for now, so that what
   * was lost comes first.
   */
  seen?: Position;
  mutations: Mutation[];
}

/** A new campaign of a state that another one has, or had. */
export interface CopyInput extends Pick<MutationOptions, 'mutationId' | 'comment'> {
  from: string;
  to: string;
  /** Default: the present state. */
  at?: Moment;
}

/**
 * A part of the targeting as an editor gives it: cleaned as JSON, then held to its shape. `null` members are kept, so
 * that the command's own check can refuse them by name.
 */
function targetingPart<T>(schema: z.ZodType<T>): z.ZodType<T | null> {
  // The schemas take anything, and what they are given here has been cleaned.
  return patch.pipe(schema as z.ZodType<T, JsonObject>).nullable();
}

const updateFields = { updates: patch };

const featuresFields = {
  features: z.array(text(LIMITS.setItemLength)).max(LIMITS.setItems),
  action: z.enum(['add', 'remove', 'set']),
};

const configFields = {
  section: z.enum(CONFIG_SECTIONS),
  value: patch,
  mode: missable(z.enum(['merge', 'replace'])),
};

const simpleCommands = [
  z.object({ type: z.literal('update'), ...updateFields }),
  z.object({ type: z.literal('updateFeatures'), ...featuresFields }),
  z.object({ type: z.literal('updateConfig'), ...configFields }),
] as const;

const batchFields = {
  commands: z.array(complete<SimpleCommand>()(z.discriminatedUnion('type', simpleCommands))).max(LIMITS.batchCommands),
};

const editCommand = complete<EditCommand>()(
  z.discriminatedUnion('type', [...simpleCommands, z.object({ type: z.literal('batch'), ...batchFields })]),
);

/** Holds a union's schema to all of its members: where a command has no schema, the argument does not compile. */
function complete<C extends Command>() {
  return <S extends z.ZodType<C>>(schema: [C] extends [z.output<S>] ? S : never): z.ZodType<C> => schema;
}

const mutation: z.ZodType<Mutation> = z.object({
  mutationId,
  base: options.base,
  expectedVersion: options.expectedVersion,
  comment: options.comment,
  lock: options.lock,
  command: editCommand,
  isRetry: missable(z.literal(true)),
});

export const updateInput: z.ZodType<UpdateInput> = z.object({ campaignId, ...options, ...updateFields });

export const updateFeaturesInput: z.ZodType<UpdateFeaturesInput> = z.object({
  campaignId,
  ...options,
  ...featuresFields,
});

export const updateConfigInput: z.ZodType<UpdateConfigInput> = z.object({ campaignId, ...options, ...configFields });

export const batchInput: z.ZodType<BatchInput> = z.object({ campaignId, ...options, ...batchFields });

export const rollbackInput: z.ZodType<RollbackInput> = z.object({ campaignId, ...options, toVersion: moment(1) });

export const updateRuleInput: z.ZodType<UpdateRuleInput> = z.object({
  campaignId,
  ...options,
  key: targetingName,
  rule: targetingPart<RuleInput>(ruleInput),
});

export const updateSegmentInput: z.ZodType<UpdateSegmentInput> = z.object({
  campaignId,
  ...options,
  key: targetingName,
  segment: targetingPart<Segment>(segmentInput),
});

export const updateGroupInput: z.ZodType<UpdateGroupInput> = z.object({
  campaignId,
  ...options,
  key: targetingName,
  group: targetingPart<RuleGroupInput>(groupInput),
});

export const updateHoldoutInput: z.ZodType<UpdateHoldoutInput> = z.object({
  campaignId,
  ...options,
  key: targetingName,
  holdout: targetingPart<HoldoutInput>(holdoutInput),
});

export const shipRuleInput: z.ZodType<ShipRuleInput> = z.object({
  campaignId,
  ...options,
  key: targetingName,
  winner: targetingName,
});

export const lifecycleInput: z.ZodType<LifecycleInput> = z.object({ campaignId, ...options });

export const deleteInput: z.ZodType<DeleteInput> = z.object({ campaignId, now: z.boolean().exactOptional() });

export const createInput: z.ZodType<CreateInput> = z.object({ campaignId, ...options, state: jsonObject('drop') });

export const pushInput: z.ZodType<PushInput> = z.object({
  campaignId,
  seen: missable(position),
  mutations: z.array(mutation).max(LIMITS.pushMutations),
});

export const copyInput: z.ZodType<CopyInput> = z.object({
  from: campaignId,
  to: campaignId,
  at: moment(1).exactOptional(),
  mutationId: options.mutationId,
  comment: options.comment,
});
