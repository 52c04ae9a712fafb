import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN, CAMPAIGN_STATUSES, CONFIG_SECTIONS } from '../../core/document/campaign.ts';
import type { CampaignStatus } from '../../core/document/campaign.ts';
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
} from '../../core/commands/command.ts';
import type { HoldoutInput, RuleGroupInput, RuleInput, Segment, Viewer } from '../../core/document/targeting-fields.ts';
import {
  groupInput,
  holdoutInput,
  ruleInput,
  segmentInput,
  targetingName,
} from '../../core/document/targeting-schema.ts';
import { refuseAttributes } from '../../core/targeting/viewer.ts';
import type { JsonObject } from '../../core/json.ts';
import { JOB_NAME_PATTERN, LOCK_LIMITS, type LockToken } from '../../core/locks/lock-table.ts';
import { LIMITS } from '../../core/limits.ts';
import { RELAY, ROLES } from '../../core/permissions.ts';
import type { Role } from '../../core/permissions.ts';
import { cleanJson, jsonBytes } from '../../core/document/plain-json.ts';
import { PRESENCE_LIMITS } from '../../core/presence/presence.ts';
import type { NullMembers } from '../../core/document/plain-json.ts';
import { LIST_SORTS, type ListSort } from '../../core/stream/list-query.ts';
import { parsePosition, type Moment, type Position } from '../../core/stream/position.ts';

/**
 * Input of every procedure. The types are written out and the schemas held to them, so that the SDK's declarations name
 * no zod. Unknown members are ignored: an older server must understand what a newer client adds. A schema gives a
 * message of its own only where `issue-words.ts` cannot know it: for patterns, unions and refinements.
 */

export interface CampaignInput {
  campaignId: string;
}

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

/** Who looks. Without it that is whom `session.setViewer` has named, and otherwise somebody without attributes. */
export interface ViewerInput {
  /**
   * Attributes at most 4 KiB in all; those that the caller's token claims take precedence. Editors, who else are shown
   * the document as it is, are shown what this viewer would see.
   */
  viewer?: Viewer;
}

export interface GetInput extends CampaignInput, ViewerInput {}

export interface ExplainInput extends CampaignInput {
  viewer: Viewer;
  /** The position, version or time to judge by. Default: the present one. */
  position?: Moment;
}

export interface SetViewerInput {
  /** `null`: somebody without attributes. */
  viewer: Viewer | null;
}

export interface ListInput {
  /** Only campaigns whose id is greater; of a list by id, without `offset`. */
  cursor?: string;
  /** How many campaigns are left out before the first, at most 1,000,000. The answer has a `total` then. */
  offset?: number;
  limit?: number;
  /** Default: by id. In another order the answer has a `total`, and no cursor. */
  sort?: ListSort;
  status?: CampaignStatus;
  /** Only those with this text, at most 128 characters, in id, title, owner or a tag that the caller may see. */
  search?: string;
  /** Only those of that `owner_id`. */
  owner?: string;
  tag?: string;
  /** Only archived ones, or only those that are not. Default: both. */
  archived?: boolean;
}

export interface WatchListInput extends ListInput {
  /** Only these campaigns, at most 64. */
  campaignIds?: string[];
}

export interface HistoryInput extends CampaignInput, ViewerInput {
  cursor?: number;
  limit?: number;
}

/** A new campaign of a state that another one has, or had. */
export interface CopyInput extends Pick<MutationOptions, 'mutationId' | 'comment'> {
  from: string;
  to: string;
  /** Default: the present state. */
  at?: Moment;
}

export interface AtInput extends CampaignInput, ViewerInput {
  version: Moment;
}

export interface DiffInput extends CampaignInput, ViewerInput {
  from: Moment;
  to: Moment;
}

export interface WhenDurableInput extends CampaignInput {
  position: Position;
}

export interface WatchInput extends ViewerInput {
  /** Default: the server's default campaign. */
  campaignId?: string;
  /** Resume position; the client's link sets it after a reconnect. */
  lastEventId?: string;
  /** Whether to send watermarks too: the position up to which everything is committed. */
  receipts?: boolean;
  /** Whether to be told who is here as well, and to be there oneself. */
  presence?: boolean;
}

export interface WatchManyInput {
  /** The streams, at most 32. */
  streams: WatchInput[];
}

/** Part of a campaign that is locked. */
export interface LockPathInput extends CampaignInput {
  /** Keys into the document, outermost first. Default: the whole campaign. */
  path?: string[];
}

/** A job, which is locked instead of a campaign: an importer, a nightly sync. */
export interface JobInput {
  name: string;
}

/** All jobs, whose locks are listed instead of a campaign's. */
export interface JobsInput {
  jobs: true;
}

/** A lock that is asked for. */
export interface AskedLock {
  /** How long it lasts without a renewal: 1,000 to 300,000 ms. */
  ttlMs: number;
  /** For the others to read. */
  note?: string;
  /** Made by the client, and the same for a retry, so that an answer that was lost leaves no lock behind. */
  lockId?: string;
}

export interface AcquiredLock extends AskedLock {
  /** Waits in a queue where it is locked, five minutes at most; who disconnects leaves the queue. */
  wait?: boolean;
}

export interface RenewedLock {
  lockId: string;
  fence: number;
  /** Default: as before. */
  ttlMs?: number;
}

export interface ReleasedLock {
  lockId: string;
}

export interface SetPresenceInput extends CampaignInput {
  /** Where in the document this page is; missing: nowhere. */
  focus?: string[];
  /** At most 2 KiB of JSON. */
  data?: JsonObject;
}

export interface AuthenticateInput {
  token: string;
}

/** A new API key: what it is for, its roles by campaign id or `*`, and its expiry in epoch milliseconds, if any. */
export interface CreateKeyInput {
  name: string;
  campaigns: Record<string, Role | typeof RELAY>;
  expiresAt?: number;
}

export interface RevokeKeyInput {
  id: string;
}

const campaignId = z
  .string()
  .regex(CAMPAIGN_ID_PATTERN, 'must be 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or a digit');

const position = z
  .string()
  .refine((value) => parsePosition(value) !== undefined, 'must be a position such as 5kQ0cB2v:418');

const version = z.int().min(0);

/** A version of the current timeline, by number or by position, from that number on. */
function versionName(minimum: number) {
  const words = `must be a version, ${minimum} or more, or a position such as 5kQ0cB2v:418`;
  const isPosition = (value: string): boolean => (parsePosition(value)?.version ?? -1) >= minimum;
  return z.union([z.string().refine(isPosition, words), z.int(words).min(minimum, words)], words);
}

/** A version as above, or the newest one at a time. */
function moment(minimum: number): z.ZodType<Moment> {
  const words = `must be a version, ${minimum} or more, a position such as 5kQ0cB2v:418, or { time } in epoch milliseconds`;
  return z.union([versionName(minimum), z.object({ time: z.int(words).min(0, words) })], words);
}

const mutationId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -');

function text(maximum: number) {
  return z
    .string()
    .max(maximum)
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

const lockId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9 and . _ : -');

const lockToken: z.ZodType<LockToken> = z.object({ lockId, fence: version });

const lock = z.union(
  [lockToken, z.array(lockToken).max(LOCK_LIMITS.perOwner)],
  `must be { lockId, fence }, or a list of at most ${LOCK_LIMITS.perOwner} of these`,
);

const options = {
  mutationId: mutationId.exactOptional(),
  base: position.exactOptional(),
  expectedVersion: z.union([position, version], 'must be a version or a position such as 5kQ0cB2v:418').exactOptional(),
  durability: z.enum(['accepted', 'durable']).exactOptional(),
  comment: text(LIMITS.commentLength).exactOptional(),
  dryRun: z.literal(true).exactOptional(),
  lock: lock.exactOptional(),
};

const viewer: z.ZodType<Viewer> = z.object({
  attributes: z.unknown().transform((value, context): JsonObject => {
    const cleaned = cleanJson(value, []);
    const refusal = cleaned.ok ? refuseAttributes(cleaned.value, []) : cleaned.refusal;
    if (cleaned.ok && !refusal) return cleaned.value;
    context.addIssue({ code: 'custom', message: refusal?.message ?? '', params: { refusal } });
    return z.NEVER;
  }),
});

const asViewer = { viewer: viewer.exactOptional() };

/**
 * A part of the targeting as an editor gives it: cleaned as JSON, then held to its shape. `null` members are kept, so
 * that the command's own check can refuse them by name.
 */
function targetingPart<T>(schema: z.ZodType<T>): z.ZodType<T | null> {
  // The schemas take anything, and what they are given here has been cleaned.
  return patch.pipe(schema as z.ZodType<T, JsonObject>).nullable();
}

/** What inputs of analytics share with those of campaigns (`analytics-router.ts`). */
export const analyticsFields = { campaignId, viewer, position, version: versionName(1), batchId: mutationId, text };

const updateFields = { updates: patch };

const featuresFields = {
  features: z.array(text(LIMITS.setItemLength)).max(LIMITS.setItems),
  action: z.enum(['add', 'remove', 'set']),
};

const configFields = {
  section: z.enum(CONFIG_SECTIONS),
  value: patch,
  mode: z.enum(['merge', 'replace']).exactOptional(),
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
  isRetry: z.literal(true).exactOptional(),
});

/** Campaigns that a live list can be narrowed to, at most. */
const MAX_LISTED_IDS = 64;

/** Of the document's `owner_id`, too. */
const MAX_OWNER_CHARACTERS = 200;

/** Campaigns before the first of a page, at most. */
const MAX_LIST_OFFSET = 1_000_000;

const pageLimit = z.int().min(1).max(LIMITS.pageSize).exactOptional();

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
  seen: position.exactOptional(),
  mutations: z.array(mutation).max(LIMITS.pushMutations),
});

export const campaignInput: z.ZodType<CampaignInput> = z.object({ campaignId });

export const getInput: z.ZodType<GetInput> = z.object({ campaignId, ...asViewer });

export const explainInput: z.ZodType<ExplainInput> = z.object({
  campaignId,
  viewer,
  position: moment(1).exactOptional(),
});

export const setViewerInput: z.ZodType<SetViewerInput> = z.object({ viewer: viewer.nullable() });

const listFilter = {
  cursor: campaignId.exactOptional(),
  limit: pageLimit,
  offset: z.int().min(0).max(MAX_LIST_OFFSET).exactOptional(),
  sort: z.enum(LIST_SORTS).exactOptional(),
  status: z.enum(CAMPAIGN_STATUSES).exactOptional(),
  search: z.string().max(LIMITS.setItemLength).exactOptional(),
  owner: z.string().max(MAX_OWNER_CHARACTERS).exactOptional(),
  tag: z.string().max(LIMITS.setItemLength).exactOptional(),
  archived: z.boolean().exactOptional(),
};

/** A cursor says after which id a page begins. */
function hasOneBeginning(input: ListInput): boolean {
  return input.cursor === undefined || (input.offset === undefined && (input.sort ?? 'id') === 'id');
}

const ONE_BEGINNING = { path: ['cursor'], error: 'must not be given with offset, or with another sort than id' };

export const listInput: z.ZodType<ListInput | undefined> = z
  .object(listFilter)
  .refine(hasOneBeginning, ONE_BEGINNING)
  .optional();

export const watchListInput: z.ZodType<WatchListInput | undefined> = z
  .object({ ...listFilter, campaignIds: z.array(campaignId).max(MAX_LISTED_IDS).exactOptional() })
  .refine(hasOneBeginning, ONE_BEGINNING)
  .optional();

export const historyInput: z.ZodType<HistoryInput> = z.object({
  campaignId,
  cursor: version.exactOptional(),
  limit: pageLimit,
  ...asViewer,
});

export const copyInput: z.ZodType<CopyInput> = z.object({
  from: campaignId,
  to: campaignId,
  at: moment(1).exactOptional(),
  mutationId: options.mutationId,
  comment: options.comment,
});

export const atInput: z.ZodType<AtInput> = z.object({ campaignId, version: moment(1), ...asViewer });

export const diffInput: z.ZodType<DiffInput> = z.object({
  campaignId,
  from: moment(0),
  to: moment(0),
  ...asViewer,
});

export const whenDurableInput: z.ZodType<WhenDurableInput> = z.object({ campaignId, position });

const watchedStream = z.object({
  campaignId: campaignId.exactOptional(),
  lastEventId: text(256).exactOptional(),
  receipts: z.boolean().exactOptional(),
  presence: z.boolean().exactOptional(),
  ...asViewer,
});

export const watchInput: z.ZodType<WatchInput | undefined> = watchedStream.optional();

/** As many as make an address that proxies take. */
const MAX_STREAMS_OF_ONE = 32;

export const watchManyInput: z.ZodType<WatchManyInput> = z.object({
  streams: z.array(watchedStream).min(1).max(MAX_STREAMS_OF_ONE),
});

const ttlMs = z.int().min(LOCK_LIMITS.ttlMs.shortest).max(LOCK_LIMITS.ttlMs.longest);

const path = z.array(text(LOCK_LIMITS.keyLength)).max(LOCK_LIMITS.pathKeys);

/** The two forms of an input: what is locked is a campaign, or there is a `name`, and it is a job. */
export interface LockForms<Campaign, Rest> {
  readonly campaign: z.ZodType<Campaign & Rest>;
  readonly job: z.ZodType<JobInput & Rest>;
}

const notWithName = z.undefined('cannot be given together with name').optional();
const onJob = {
  name: z.string().regex(JOB_NAME_PATTERN, 'must be 1 to 128 of A-Z, a-z, 0-9 and . _ : / -'),
  campaignId: notWithName,
  path: notWithName,
};
const onPath = { campaignId, path: path.exactOptional() };
const asked = { ttlMs, note: text(LOCK_LIMITS.noteLength).exactOptional(), lockId: lockId.exactOptional() };
const acquired = { ...asked, wait: z.boolean().exactOptional() };
const renewed = { lockId, fence: version, ttlMs: ttlMs.exactOptional() };

export const stealLockInput: LockForms<LockPathInput, AskedLock> = {
  campaign: z.object({ ...onPath, ...asked }),
  job: z.object({ ...onJob, ...asked }),
};

export const acquireLockInput: LockForms<LockPathInput, AcquiredLock> = {
  campaign: z.object({ ...onPath, ...acquired }),
  job: z.object({ ...onJob, ...acquired }),
};

export const renewLockInput: LockForms<CampaignInput, RenewedLock> = {
  campaign: z.object({ campaignId, ...renewed }),
  job: z.object({ ...onJob, ...renewed }),
};

export const releaseLockInput: LockForms<CampaignInput, ReleasedLock> = {
  campaign: z.object({ campaignId, lockId }),
  job: z.object({ ...onJob, lockId }),
};

export const listJobLocksInput: z.ZodType<JobsInput> = z.object({ jobs: z.literal(true) });

export const setPresenceInput: z.ZodType<SetPresenceInput> = z.object({
  campaignId,
  focus: path.exactOptional(),
  data: jsonObject('drop')
    .refine(
      (data) => jsonBytes(data) <= PRESENCE_LIMITS.dataBytes,
      `must be at most ${PRESENCE_LIMITS.dataBytes} bytes`,
    )
    .exactOptional(),
});

export const authenticateInput: z.ZodType<AuthenticateInput> = z.object({ token: text(16_384) });

export const createKeyInput: z.ZodType<CreateKeyInput> = z.object({
  name: text(100).min(1),
  campaigns: z
    .record(
      z.string().refine((id) => id === '*' || CAMPAIGN_ID_PATTERN.test(id), 'must be * or the id of a campaign'),
      z.enum([...ROLES, RELAY]),
    )
    .refine((grants) => Object.keys(grants).length > 0, 'must name a campaign or *'),
  expiresAt: z.int().min(0).exactOptional(),
});

export const revokeKeyInput: z.ZodType<RevokeKeyInput> = z.object({ id: text(64) });
