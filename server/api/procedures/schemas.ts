import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN, CAMPAIGN_STATUSES, CONFIG_SECTIONS } from '../../core/document/campaign.ts';
import type { CampaignStatus, ConfigSection } from '../../core/document/campaign.ts';
import type {
  ConfigMode,
  EditCommand,
  FeaturesAction,
  Mutation,
  MutationOptions,
  SimpleCommand,
} from '../../core/commands/command.ts';
import type { Position, VersionName } from '../../core/stream/entry.ts';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { cleanJson } from '../../core/document/plain-json.ts';
import type { NullMembers } from '../../core/document/plain-json.ts';
import { parsePosition } from '../../core/stream/position.ts';

/**
 * What the procedures take. The types are written out and the schemas held to them, so that the SDK's declarations name
 * no zod. Unknown members are ignored: an older server must understand what a newer client adds.
 */

export interface CampaignInput {
  campaignId: string;
}

export interface UpdateInput extends CampaignInput, MutationOptions {
  updates: JsonObject;
}

export interface UpdateFeaturesInput extends CampaignInput, MutationOptions {
  features: string[];
  action: FeaturesAction;
}

export interface UpdateConfigInput extends CampaignInput, MutationOptions {
  section: ConfigSection;
  value: JsonObject;
  mode?: ConfigMode;
}

export interface BatchInput extends CampaignInput, MutationOptions {
  commands: SimpleCommand[];
}

export interface RollbackInput extends CampaignInput, MutationOptions {
  toVersion: VersionName;
}

/** `archive` and `restore`. */
export interface LifecycleInput extends CampaignInput, MutationOptions {}

export interface CreateInput extends CampaignInput, MutationOptions {
  state: JsonObject;
}

export interface PushInput extends CampaignInput {
  /**
   * Where the client stands: a push from a line that did not survive is refused, because what was lost has to come
   * first.
   */
  seen?: Position;
  mutations: Mutation[];
}

export interface ListInput {
  cursor?: string;
  limit?: number;
  status?: CampaignStatus;
}

export interface HistoryInput extends CampaignInput {
  cursor?: number;
  limit?: number;
}

export interface AtInput extends CampaignInput {
  version: VersionName;
}

export interface DiffInput extends CampaignInput {
  from: VersionName;
  to: VersionName;
}

export interface WhenDurableInput extends CampaignInput {
  position: Position;
}

export interface WatchInput {
  /** Without it: the server's default campaign. */
  campaignId?: string;
  /** Where to go on; the client's link sets it after a reconnect. */
  lastEventId?: string;
  /** Also tells up to where all is committed. */
  receipts?: boolean;
}

export interface AuthenticateInput {
  token: string;
}

const campaignId = z
  .string('must be a string')
  .regex(CAMPAIGN_ID_PATTERN, 'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or a digit');

const position = z
  .string('must be a string')
  .refine((value) => parsePosition(value) !== undefined, 'must be a position such as 5kQ0cB2v:418');

const version = z.number('must be a number').int('must be a whole number').min(0, 'must not be negative');

/** A version of the current line, by number or by position, from that number on. */
function versionName(minimum: number) {
  const words = `must be a version, ${minimum} or more, or a position such as 5kQ0cB2v:418`;
  const isPosition = (value: string): boolean => (parsePosition(value)?.version ?? -1) >= minimum;
  return z.union([z.string().refine(isPosition, words), z.number().int(words).min(minimum, words)], words);
}

const mutationId = z
  .string('must be a string')
  .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -');

function text(maximum: number) {
  return z
    .string('must be a string')
    .max(maximum, `at most ${maximum} characters`)
    .refine((value) => value.isWellFormed() && !value.includes('\u0000'), 'must be well-formed Unicode without U+0000');
}

/** A JSON object that can be kept; the refusal of `cleanJson` travels in the issue's `params`. */
function jsonObject(nulls: NullMembers) {
  return z.unknown().transform((value, context): JsonObject => {
    const cleaned = cleanJson(value, [], nulls);
    if (cleaned.ok) return cleaned.value;
    context.addIssue({ code: 'custom', message: cleaned.refusal.message, params: { refusal: cleaned.refusal } });
    return z.NEVER;
  });
}

const patch = jsonObject('keep');

const options = {
  mutationId: mutationId.exactOptional(),
  base: position.exactOptional(),
  expectedVersion: z.union([position, version], 'must be a version or a position such as 5kQ0cB2v:418').exactOptional(),
  durability: z.enum(['accepted', 'durable'], 'must be accepted or durable').exactOptional(),
  comment: text(LIMITS.commentLength).exactOptional(),
  dryRun: z.literal(true, 'must be true or missing').exactOptional(),
};

const updateFields = { updates: patch };

const featuresFields = {
  features: z
    .array(text(LIMITS.setItemLength), 'must be an array of strings')
    .max(LIMITS.setItems, `at most ${LIMITS.setItems} strings`),
  action: z.enum(['add', 'remove', 'set'], 'must be add, remove or set'),
};

const configFields = {
  section: z.enum(CONFIG_SECTIONS, `must be one of ${CONFIG_SECTIONS.join(', ')}`),
  value: patch,
  mode: z.enum(['merge', 'replace'], 'must be merge or replace').exactOptional(),
};

const simpleCommands = [
  z.object({ type: z.literal('update'), ...updateFields }),
  z.object({ type: z.literal('updateFeatures'), ...featuresFields }),
  z.object({ type: z.literal('updateConfig'), ...configFields }),
] as const;

const simpleCommand = z.discriminatedUnion(
  'type',
  simpleCommands,
  'must be a command of type update, updateFeatures or updateConfig',
);

const commands = z
  .array(simpleCommand, 'must be an array of commands')
  .max(LIMITS.batchCommands, `at most ${LIMITS.batchCommands} commands`);

const editCommand: z.ZodType<EditCommand> = z.discriminatedUnion(
  'type',
  [...simpleCommands, z.object({ type: z.literal('batch'), commands })],
  'must be a command of type update, updateFeatures, updateConfig or batch',
);

const mutation: z.ZodType<Mutation> = z.object(
  {
    mutationId,
    base: options.base,
    expectedVersion: options.expectedVersion,
    comment: options.comment,
    command: editCommand,
    isRetry: z.literal(true, 'must be true, or missing').exactOptional(),
  },
  'must be a mutation',
);

const pageLimit = z
  .number('must be a number')
  .int('must be a whole number')
  .min(1, 'at least 1')
  .max(LIMITS.pageSize, `at most ${LIMITS.pageSize} rows`)
  .exactOptional();

const input = 'must be an object';

export const updateInput: z.ZodType<UpdateInput> = z.object({ campaignId, ...options, ...updateFields }, input);
export const updateFeaturesInput: z.ZodType<UpdateFeaturesInput> = z.object(
  { campaignId, ...options, ...featuresFields },
  input,
);
export const updateConfigInput: z.ZodType<UpdateConfigInput> = z.object(
  { campaignId, ...options, ...configFields },
  input,
);
export const batchInput: z.ZodType<BatchInput> = z.object({ campaignId, ...options, commands }, input);
export const rollbackInput: z.ZodType<RollbackInput> = z.object(
  { campaignId, ...options, toVersion: versionName(1) },
  input,
);
export const lifecycleInput: z.ZodType<LifecycleInput> = z.object({ campaignId, ...options }, input);
export const createInput: z.ZodType<CreateInput> = z.object(
  { campaignId, ...options, state: jsonObject('drop') },
  input,
);
export const pushInput: z.ZodType<PushInput> = z.object(
  {
    campaignId,
    seen: position.exactOptional(),
    mutations: z
      .array(mutation, 'must be an array of mutations')
      .max(LIMITS.pushMutations, `at most ${LIMITS.pushMutations} mutations`),
  },
  input,
);
export const campaignInput: z.ZodType<CampaignInput> = z.object({ campaignId }, input);
export const listInput: z.ZodType<ListInput | undefined> = z
  .object(
    {
      cursor: campaignId.exactOptional(),
      limit: pageLimit,
      status: z.enum(CAMPAIGN_STATUSES, `must be one of ${CAMPAIGN_STATUSES.join(', ')}`).exactOptional(),
    },
    input,
  )
  .optional();
export const historyInput: z.ZodType<HistoryInput> = z.object(
  { campaignId, cursor: version.exactOptional(), limit: pageLimit },
  input,
);
export const atInput: z.ZodType<AtInput> = z.object({ campaignId, version: versionName(1) }, input);
export const diffInput: z.ZodType<DiffInput> = z.object(
  { campaignId, from: versionName(0), to: versionName(0) },
  input,
);
export const whenDurableInput: z.ZodType<WhenDurableInput> = z.object({ campaignId, position }, input);
export const watchInput: z.ZodType<WatchInput | undefined> = z
  .object(
    {
      campaignId: campaignId.exactOptional(),
      lastEventId: text(256).exactOptional(),
      receipts: z.boolean('must be true or false').exactOptional(),
    },
    input,
  )
  .optional();
export const authenticateInput: z.ZodType<AuthenticateInput> = z.object({ token: text(16_384) }, input);
