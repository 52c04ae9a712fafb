import { tracked } from '@trpc/server';
import type {} from '@trpc/server/unstable-core-do-not-import';
import type { MutationOptions } from '../../core/commands/command.ts';
import { LIMITS } from '../../core/limits.ts';
import { parsedBy } from './parse-input.ts';
import { callerOf, inTurn, mutationProcedure, procedure, router } from './procedures.ts';
import {
  atInput,
  batchInput,
  campaignInput,
  createInput,
  diffInput,
  historyInput,
  lifecycleInput,
  listInput,
  pushInput,
  rollbackInput,
  updateConfigInput,
  updateFeaturesInput,
  updateInput,
  watchInput,
  whenDurableInput,
} from './schemas.ts';
import { RoomSubscription } from './room-subscription.ts';
import { orDefault, subscriptionOf } from './subscription.ts';

/** The options that an input carries beside its command. */
function optionsOf({
  mutationId,
  base,
  expectedVersion,
  durability,
  comment,
  dryRun,
}: MutationOptions): MutationOptions {
  return {
    ...(mutationId !== undefined && { mutationId }),
    ...(base !== undefined && { base }),
    ...(expectedVersion !== undefined && { expectedVersion }),
    ...(durability !== undefined && { durability }),
    ...(comment !== undefined && { comment }),
    ...(dryRun !== undefined && { dryRun }),
  };
}

/** Campaigns: their commands, their state, their past, their live stream. */
export const campaignRouter = router({
  /** Merge patch on the document. */
  update: mutationProcedure.input(parsedBy(updateInput)).mutation(({ ctx, input, signal }) => {
    const command = { type: 'update', updates: input.updates } as const;
    return inTurn(ctx, signal, 1, (caller) => ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)));
  }),

  /** The ordered set of features. */
  updateFeatures: mutationProcedure.input(parsedBy(updateFeaturesInput)).mutation(({ ctx, input, signal }) => {
    const command = { type: 'updateFeatures', features: input.features, action: input.action } as const;
    return inTurn(ctx, signal, 1, (caller) => ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)));
  }),

  /** One section of the configuration. */
  updateConfig: mutationProcedure.input(parsedBy(updateConfigInput)).mutation(({ ctx, input, signal }) => {
    const { section, value, mode } = input;
    const command = { type: 'updateConfig', section, value, ...(mode && { mode }) } as const;
    return inTurn(ctx, signal, 1, (caller) => ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)));
  }),

  /** Several of the three above as one entry, all or nothing. */
  batch: mutationProcedure.input(parsedBy(batchInput)).mutation(({ ctx, input, signal }) => {
    const command = { type: 'batch', commands: input.commands } as const;
    return inTurn(ctx, signal, 1, (caller) => ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)));
  }),

  /** Several mutations, one after the other, each with its own outcome; stops at the first retryable refusal. */
  push: mutationProcedure
    .input(parsedBy(pushInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, input.mutations.length, (caller) =>
        ctx.service.push(caller, input.campaignId, input.mutations, input.seen),
      ),
    ),

  /** Back to the state of an earlier version, as a new version. */
  rollback: mutationProcedure.input(parsedBy(rollbackInput)).mutation(({ ctx, input, signal }) => {
    const command = { type: 'rollback', toVersion: input.toVersion } as const;
    return inTurn(ctx, signal, 1, (caller) => ctx.service.mutate(caller, input.campaignId, command, optionsOf(input)));
  }),

  create: mutationProcedure
    .input(parsedBy(createInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, (caller) => ctx.service.create(caller, input.campaignId, input.state, optionsOf(input))),
    ),

  /** Makes a campaign read-only. */
  archive: mutationProcedure
    .input(parsedBy(lifecycleInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, (caller) =>
        ctx.service.mutate(caller, input.campaignId, { type: 'archive' }, optionsOf(input)),
      ),
    ),

  /** Makes an archived campaign editable again. */
  restore: mutationProcedure
    .input(parsedBy(lifecycleInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, (caller) =>
        ctx.service.mutate(caller, input.campaignId, { type: 'restore' }, optionsOf(input)),
      ),
    ),

  get: procedure
    .input(parsedBy(campaignInput))
    .query(({ ctx, input, signal }) => ctx.service.get(callerOf(ctx, signal), input.campaignId)),

  list: procedure.input(parsedBy(listInput)).query(({ ctx, input, signal }) =>
    ctx.service.list(callerOf(ctx, signal), {
      cursor: input?.cursor,
      status: input?.status,
      limit: input?.limit ?? LIMITS.pageSize / 2,
    }),
  ),

  history: procedure.input(parsedBy(historyInput)).query(({ ctx, input, signal }) =>
    ctx.service.history(callerOf(ctx, signal), input.campaignId, {
      cursor: input.cursor,
      limit: input.limit ?? LIMITS.pageSize / 2,
    }),
  ),

  /** The state at a version. */
  at: procedure
    .input(parsedBy(atInput))
    .query(({ ctx, input, signal }) => ctx.service.at(callerOf(ctx, signal), input.campaignId, input.version)),

  /** What changed between two versions, as a merge patch. */
  diff: procedure
    .input(parsedBy(diffInput))
    .query(({ ctx, input, signal }) => ctx.service.diff(callerOf(ctx, signal), input.campaignId, input.from, input.to)),

  /** Answers when everything up to that position is committed. */
  whenDurable: procedure
    .input(parsedBy(whenDurableInput))
    .query(({ ctx, input, signal }) =>
      ctx.service.whenDurable(callerOf(ctx, signal), input.campaignId, input.position),
    ),

  /** The live stream: a snapshot or the entries since `lastEventId`, then every change. */
  watch: procedure.input(parsedBy(watchInput)).subscription(({ ctx, input, signal }) => {
    const campaignId = orDefault(input?.campaignId, ctx.service.defaultCampaignId);
    const options = { campaignId, lastEventId: input?.lastEventId, receipts: input?.receipts };
    const caller = callerOf(ctx, signal);
    return ctx.connection.pushes
      ? subscriptionOf(
          ctx,
          campaignId,
          () => new RoomSubscription(ctx, caller, options),
          (value) => value,
        )
      : subscriptionOf(
          ctx,
          campaignId,
          () => ctx.service.watch(caller, ctx.connection, options),
          ({ resumeId, event }) => tracked(resumeId, event),
        );
  }),
});
