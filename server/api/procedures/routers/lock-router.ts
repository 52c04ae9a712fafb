import { JOBS } from '../../../core/locks/lock-table.ts';
import type { LockPath } from '../../../core/locks/lock-path.ts';
import type { GrantedLock, LockList } from '../../../core/locks/lock-view.ts';
import type { LockOwner } from '../../../engine/locks/owned-locks.ts';
import { parsedByEither } from '../parse-input.ts';
import { callerOf, inTurn, mutationProcedure, procedure, router, subscriptionProcedure } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import {
  acquireLockInput,
  listJobLocksInput,
  releaseLockInput,
  renewLockInput,
  stealLockInput,
  type JobInput,
  type JobsInput,
  type LockForms,
  type LockPathInput,
} from '../schemas/lock-schemas.ts';
import { campaignInput, type CampaignInput } from '../schemas/parts.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';

/** Locks of parts of campaigns, and of jobs. What a lock covers is in `core/locks`, who grants it in `engine/locks`. */
export const lockRouter = router({
  /** A lock that nobody else has, for a time. With `wait` the answer comes when it is granted. */
  acquire: mutationProcedure
    .input(formsOf(acquireLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) =>
        ctx.service.locks.acquire(caller, ownerOf(ctx), idOf(input), { ...input, path: pathOf(input) }),
      ),
    ),

  /** Begins its time anew, for its holder. */
  renew: mutationProcedure
    .input(formsOf(renewLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) => ctx.service.locks.renew(caller, ownerOf(ctx), idOf(input), input)),
    ),

  /** Gives a lock up, or a place in its queue. */
  release: mutationProcedure.input(formsOf(releaseLockInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (caller): Promise<{ lockId: string }> => {
      const { lockId } = input;
      await ctx.service.locks.release(caller, ownerOf(ctx), idOf(input), lockId);
      return { lockId };
    }),
  ),

  /** Takes over what others have locked: admins, and editors where the server's policy says so. */
  steal: mutationProcedure
    .input(formsOf(stealLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) =>
        ctx.service.locks.steal(caller, ownerOf(ctx), idOf(input), { ...input, path: pathOf(input) }),
      ),
    ),

  /** The locks that are held now, of a campaign or of all jobs, for those who may edit it or them. */
  list: procedure
    .input(parsedByEither('jobs', listJobLocksInput, campaignInput))
    .query(({ ctx, input, signal }): Promise<LockList> => ctx.service.locks.list(callerOf(ctx, signal), idOf(input))),

  /** The same, live: the list, and again whenever it changes. */
  watch: subscriptionProcedure
    .input(parsedByEither('jobs', listJobLocksInput, campaignInput))
    .subscription(({ ctx, input, signal }) =>
      subscriptionOf(
        ctx,
        'campaignId' in input ? input.campaignId : undefined,
        () => ctx.service.locks.watch(callerOf(ctx, signal), ctx.connection, idOf(input)),
        (list) => list,
      ),
    ),
});

function formsOf<Campaign, Rest>({ job, campaign }: LockForms<Campaign, Rest>) {
  return parsedByEither('name', job, campaign);
}

/** What the engine knows it by. */
function idOf(input: CampaignInput | JobInput | JobsInput): string {
  return 'name' in input || 'jobs' in input ? JOBS : input.campaignId;
}

function pathOf(input: LockPathInput | JobInput): LockPath | undefined {
  return 'name' in input ? [input.name] : input.path;
}

/** Locks are counted by ws connection; http requests, each a connection of its own, by caller. */
function ownerOf({ connection }: CallContext): LockOwner {
  return connection.closed ? connection : connection.admitted().id;
}
