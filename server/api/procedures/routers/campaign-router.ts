import { tracked } from '@trpc/server';
import type {} from '@trpc/server/unstable-core-do-not-import';
import type { ChangeCommand, Command, Mutation, MutationOptions } from '../../../core/commands/command.ts';
import { weightOf } from '../../../core/commands/weight.ts';
import type { PresenceEvent } from '../../../core/presence/presence.ts';
import { LIMITS } from '../../../core/limits.ts';
import type { Receipt } from '../../../core/stream/entry.ts';
import type { DeletionReceipt, DryRun, ResumableEvent } from '../../../engine/service.ts';
import { PRICES } from '../../connection/work-budget.ts';
import { parsedBy } from '../parse-input.ts';
import {
  callerOf,
  historyProcedure,
  inTurn,
  mutationProcedure,
  procedure,
  router,
  subscriptionProcedure,
} from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import {
  batchInput,
  copyInput,
  createInput,
  deleteInput,
  lifecycleInput,
  pushInput,
  rollbackInput,
  shipRuleInput,
  updateConfigInput,
  updateFeaturesInput,
  updateGroupInput,
  updateHoldoutInput,
  updateInput,
  updateRuleInput,
  updateSegmentInput,
} from '../schemas/command-schemas.ts';
import type { CampaignInput } from '../schemas/parts.ts';
import {
  atInput,
  diffInput,
  explainInput,
  getInput,
  historyInput,
  listInput,
  schemaInput,
  watchInput,
  watchManyInput,
  watchListInput,
  whenDurableInput,
} from '../schemas/read-schemas.ts';
import { copiedState, versionOf } from './moments.ts';
import { watchPresence } from '../subscriptions/attended-presence.ts';
import { merged } from '../subscriptions/merged-subscription.ts';
import { withPresence, type RiddenEvent } from '../subscriptions/presence-ride.ts';
import { PushSubscription } from '../subscriptions/push-subscription.ts';
import { orDefault, subscriptionOf } from '../subscriptions/subscription.ts';

interface MutationCall<I> {
  readonly ctx: CallContext;
  readonly input: I;
  readonly signal: AbortSignal | undefined;
}

/**
 * Resolver that hands one command to the engine, with the options that every mutation takes, in the order of arrival.
 */
function mutate<I extends CampaignInput & MutationOptions>(commandOf: (input: I) => ChangeCommand) {
  return ({ ctx, input, signal }: MutationCall<I>): Promise<Receipt | DryRun> => {
    const command = commandOf(input);
    return inTurn(ctx, signal, weightOf(command), (caller) =>
      ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)),
    );
  };
}

type OpenPresence = () => AsyncIterator<PresenceEvent>;

/** Who is at a campaign, for a stream that it rides on. */
function presenceOf(ctx: CallContext, signal: AbortSignal | undefined, campaignId: string): OpenPresence {
  return () => watchPresence(ctx, signal, campaignId);
}

/** A stream that is pulled, with who is there where that was asked for. */
function ridden(
  watch: AsyncIterator<ResumableEvent>,
  openPresence: OpenPresence | undefined,
): AsyncIterator<RiddenEvent> {
  return openPresence ? withPresence(watch, openPresence) : watch;
}

function weightOfPush(mutations: readonly Mutation[]): number {
  return mutations.reduce((sum, { command }) => sum + weightOf(command), 0);
}

/** The options that an input carries beside its command. */
function optionsOf({
  mutationId,
  base,
  expectedVersion,
  durability,
  comment,
  dryRun,
  lock,
}: MutationOptions): MutationOptions {
  return {
    ...(mutationId !== undefined && { mutationId }),
    ...(base !== undefined && { base }),
    ...(expectedVersion !== undefined && { expectedVersion }),
    ...(durability !== undefined && { durability }),
    ...(comment !== undefined && { comment }),
    ...(dryRun !== undefined && { dryRun }),
    ...(lock !== undefined && { lock }),
  };
}

/** One route for each command. A command that is missing here does not compile. */
const commandRoutes = {
  /** Merge patch on the document. */
  update: mutationProcedure
    .input(parsedBy(updateInput))
    .mutation(mutate(({ updates }) => ({ type: 'update', updates }))),

  /** The ordered set of features. */
  updateFeatures: mutationProcedure
    .input(parsedBy(updateFeaturesInput))
    .mutation(mutate(({ features, action }) => ({ type: 'updateFeatures', features, action }))),

  /** One section of the configuration. */
  updateConfig: mutationProcedure.input(parsedBy(updateConfigInput)).mutation(
    mutate(({ section, value, mode }) => ({
      type: 'updateConfig',
      section,
      value,
      ...(mode && { mode }),
    })),
  ),

  /** Several of the three above as one entry, all or nothing. */
  batch: mutationProcedure
    .input(parsedBy(batchInput))
    .mutation(mutate(({ commands }) => ({ type: 'batch', commands }))),

  /** A rule as it shall be, or `null` for none; ranges are cut so that the fewest people move. */
  updateRule: mutationProcedure
    .input(parsedBy(updateRuleInput))
    .mutation(mutate(({ key, rule }) => ({ type: 'updateRule', key, rule }))),

  /** A segment as it shall be, or `null` for none. */
  updateSegment: mutationProcedure
    .input(parsedBy(updateSegmentInput))
    .mutation(mutate(({ key, segment }) => ({ type: 'updateSegment', key, segment }))),

  /** A group of rules that exclude each other, or `null` for none. */
  updateGroup: mutationProcedure
    .input(parsedBy(updateGroupInput))
    .mutation(mutate(({ key, group }) => ({ type: 'updateGroup', key, group }))),

  /** A share of units that no rule reaches, or `null` for none. */
  updateHoldout: mutationProcedure
    .input(parsedBy(updateHoldoutInput))
    .mutation(mutate(({ key, holdout }) => ({ type: 'updateHoldout', key, holdout }))),

  /** Folds an arm into the document and ends its rule, as one entry. */
  shipRule: mutationProcedure
    .input(parsedBy(shipRuleInput))
    .mutation(mutate(({ key, winner }) => ({ type: 'shipRule', key, winner }))),

  /** Back to the state of an earlier version, as a new version. */
  rollback: mutationProcedure.input(parsedBy(rollbackInput)).mutation(async ({ ctx, input, signal }) => {
    const { campaignId, toVersion: moment } = input;
    const toVersion = await versionOf(ctx, signal, { campaignId, moment, field: 'toVersion' });
    return mutate(() => ({ type: 'rollback', toVersion }))({ ctx, input, signal });
  }),

  /** Makes a campaign read-only. */
  archive: mutationProcedure.input(parsedBy(lifecycleInput)).mutation(mutate(() => ({ type: 'archive' }))),

  /** Makes an archived campaign editable again. */
  restore: mutationProcedure.input(parsedBy(lifecycleInput)).mutation(mutate(() => ({ type: 'restore' }))),

  /** A new campaign, at version 1. */
  create: mutationProcedure
    .input(parsedBy(createInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, weightOf({ type: 'create', state: input.state }), (caller) =>
        ctx.service.create(caller, input.campaignId, input.state, optionsOf(input)),
      ),
    ),
} satisfies Record<Command['type'], unknown>;

/** Campaigns: their commands, their state, their history, their live stream. */
export const campaignRouter = router({
  ...commandRoutes,

  /** A new campaign, of a state that another one has, or had: for admins of the new one who may read that history. */
  copy: mutationProcedure.input(parsedBy(copyInput)).mutation(async ({ ctx, input, signal }) => {
    const { state, comment } = await copiedState(ctx, signal, input);
    return inTurn(ctx, signal, weightOf({ type: 'create', state }), (caller) =>
      ctx.service.create(caller, input.to, state, { comment, ...optionsOf(input) }),
    );
  }),

  /** Deletes a campaign that has been archived for seven days, or any at once with `now`: for admins of it. */
  delete: mutationProcedure.input(parsedBy(deleteInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (caller): Promise<DeletionReceipt> => {
      const receipt = await ctx.service.delete(caller, input.campaignId, { now: input.now });
      // The links to its preview went with it: they end here at once, or with the next look at all keys.
      await ctx.accessKeys?.recheck().catch(() => undefined);
      return receipt;
    }),
  ),

  /** Several mutations in order, each with its own outcome; a retryable refusal is that of all that stand behind it. */
  push: mutationProcedure
    .input(parsedBy(pushInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, weightOfPush(input.mutations), (caller) =>
        ctx.service.push(caller, input.campaignId, input.mutations, input.seen),
      ),
    ),

  get: procedure
    .input(parsedBy(getInput))
    .query(({ ctx, input, signal }) => ctx.service.get(callerOf(ctx, signal, input.viewer), input.campaignId)),

  list: historyProcedure.input(parsedBy(listInput)).query(({ ctx, input, signal }) =>
    ctx.service.list(callerOf(ctx, signal), {
      ...input,
      limit: input?.limit ?? LIMITS.pageSize / 2,
    }),
  ),

  history: historyProcedure.input(parsedBy(historyInput)).query(({ ctx, input, signal }) =>
    ctx.service.history(callerOf(ctx, signal, input.viewer), input.campaignId, {
      cursor: input.cursor,
      limit: input.limit ?? LIMITS.pageSize / 2,
    }),
  ),

  /** The state at a version, or at a time. */
  at: historyProcedure.input(parsedBy(atInput)).query(async ({ ctx, input, signal }) => {
    const { campaignId, version: moment } = input;
    const version = await versionOf(ctx, signal, { campaignId, moment, field: 'version' });
    return ctx.service.at(callerOf(ctx, signal, input.viewer), campaignId, version);
  }),

  /** What changed between two versions, or two times, as a merge patch. */
  diff: historyProcedure.input(parsedBy(diffInput)).query(async ({ ctx, input, signal }) => {
    const { campaignId } = input;
    const from = await versionOf(ctx, signal, { campaignId, moment: input.from, field: 'from', earliest: 0 });
    const to = await versionOf(ctx, signal, { campaignId, moment: input.to, field: 'to', earliest: 0 });
    return ctx.service.diff(callerOf(ctx, signal, input.viewer), campaignId, from, to);
  }),

  /** What each rule says of a viewer, and why: now, or at any moment of the history. For editors. */
  explain: historyProcedure.input(parsedBy(explainInput)).query(async ({ ctx, input, signal }) => {
    const { campaignId, position: moment } = input;
    const position =
      moment === undefined ? undefined : await versionOf(ctx, signal, { campaignId, moment, field: 'position' });
    return ctx.service.explain(callerOf(ctx, signal), campaignId, input.viewer, position);
  }),

  /** What documents may hold, as JSON Schemas by top-level field, for forms. For editors. */
  schema: procedure
    .input(parsedBy(schemaInput))
    .query(({ ctx, input, signal }) => ctx.service.schema(callerOf(ctx, signal), input.campaignId, input.known)),

  /** Answers once everything up to that position is committed. */
  whenDurable: historyProcedure
    .input(parsedBy(whenDurableInput))
    .query(({ ctx, input, signal }) =>
      ctx.service.whenDurable(callerOf(ctx, signal), input.campaignId, input.position),
    ),

  /** The live stream: a snapshot or the entries since `lastEventId`, then every change. */
  watch: subscriptionProcedure.input(parsedBy(watchInput)).subscription(({ ctx, input, signal }) => {
    const campaignId = orDefault(input?.campaignId, ctx.service.defaultCampaignId);
    const { lastEventId, receipts, viewer, presence } = input ?? {};
    const options = { campaignId, lastEventId, receipts, viewer };
    const caller = callerOf(ctx, signal, viewer);
    const openPresence = presence ? presenceOf(ctx, signal, campaignId) : undefined;
    return ctx.connection.acceptsFrames
      ? subscriptionOf(
          ctx,
          campaignId,
          () => new PushSubscription(ctx, caller, options, openPresence),
          (value) => value,
        )
      : subscriptionOf(
          ctx,
          campaignId,
          () => ridden(ctx.service.watch(caller, ctx.connection, options), openPresence),
          ({ resumeId, event }) => tracked(resumeId, event),
        );
  }),

  /** Several live streams as one, for networks in which each stream takes one of few connections. */
  watchMany: subscriptionProcedure.input(parsedBy(watchManyInput)).subscription(({ ctx, input, signal }) => {
    const sources = input.streams.map(({ campaignId: named, presence, ...options }) =>
      subscriptionOf(
        ctx,
        named,
        () => {
          const campaignId = orDefault(named, ctx.service.defaultCampaignId);
          const caller = callerOf(ctx, signal, options.viewer);
          return ridden(
            ctx.service.watch(caller, ctx.connection, { ...options, campaignId }),
            presence ? presenceOf(ctx, signal, campaignId) : undefined,
          );
        },
        (event) => event,
      ),
    );
    // One subscription is paid for already.
    ctx.connection.charge(PRICES.subscription * (sources.length - 1));
    return subscriptionOf(
      ctx,
      undefined,
      () => merged(ctx, sources),
      (event) => event,
    );
  }),

  /** The live list: a page by the caller's rights, then what changes on it. */
  watchList: subscriptionProcedure.input(parsedBy(watchListInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      undefined,
      () =>
        ctx.service.watchList(callerOf(ctx, signal), ctx.connection, {
          ...input,
          limit: input?.limit ?? LIMITS.pageSize / 2,
        }),
      (event) => event,
    ),
  ),
});
