import type { GrantedLock, LockList } from '../../core/locks/lock-view.ts';
import type { LockOwner } from '../../engine/locks/owned-locks.ts';
import { parsedBy } from './parse-input.ts';
import { callerOf, inTurn, mutationProcedure, procedure, router, subscriptionProcedure } from './procedures.ts';
import type { CallContext } from './run-call.ts';
import { acquireLockInput, campaignInput, releaseLockInput, renewLockInput, stealLockInput } from './schemas.ts';
import { subscriptionOf } from './subscription.ts';

/** Locks of parts of campaigns. What a lock covers is in `core/locks`, who grants it in `engine/locks`. */
export const lockRouter = router({
  /** A lock that nobody else has, for a time. With `wait` the answer comes when it is granted. */
  acquire: mutationProcedure
    .input(parsedBy(acquireLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) => ctx.service.locks.acquire(caller, ownerOf(ctx), input.campaignId, input)),
    ),

  /** Begins its time anew, for its holder. */
  renew: mutationProcedure
    .input(parsedBy(renewLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) => ctx.service.locks.renew(caller, ownerOf(ctx), input.campaignId, input)),
    ),

  /** Gives a lock up, or a place in its queue. */
  release: mutationProcedure.input(parsedBy(releaseLockInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (caller): Promise<{ lockId: string }> => {
      const { campaignId, lockId } = input;
      await ctx.service.locks.release(caller, ownerOf(ctx), campaignId, lockId);
      return { lockId };
    }),
  ),

  /** Takes over what others have locked: admins, and editors where the server's policy says so. */
  steal: mutationProcedure
    .input(parsedBy(stealLockInput))
    .mutation(({ ctx, input, signal }): Promise<GrantedLock> =>
      inTurn(ctx, signal, 1, (caller) => ctx.service.locks.steal(caller, ownerOf(ctx), input.campaignId, input)),
    ),

  /** The locks that are held now, for those who may edit. */
  list: procedure
    .input(parsedBy(campaignInput))
    .query(({ ctx, input, signal }): Promise<LockList> =>
      ctx.service.locks.list(callerOf(ctx, signal), input.campaignId),
    ),

  /** The same, live: the list, and again whenever it changes. */
  watch: subscriptionProcedure.input(parsedBy(campaignInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      () => ctx.service.locks.watch(callerOf(ctx, signal), ctx.connection, input.campaignId),
      (list) => list,
    ),
  ),
});

/** Locks are counted by ws connection; http requests, each a connection of its own, by caller. */
function ownerOf({ connection }: CallContext): LockOwner {
  return connection.closed ? connection : connection.admitted().id;
}
