import type { PresenceEvent } from '../../../core/presence/presence.ts';
import { shareEncoding } from '../subscriptions/frames.ts';
import { parsedBy } from '../parse-input.ts';
import { callerOf, inTurn, mutationProcedure, router, subscriptionProcedure } from '../procedures.ts';
import { setPresenceInput } from '../schemas/lock-schemas.ts';
import { campaignInput } from '../schemas/parts.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';

/** Who is at a campaign. Nothing of it is stored, or in the history. */
export const presenceRouter = router({
  /** Everybody who is there, then what changes; an editor who watches is a member itself. Others are told counts. */
  watch: subscriptionProcedure.input(parsedBy(campaignInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      (): AsyncIterableIterator<PresenceEvent> =>
        ctx.service.presence.watch(callerOf(ctx, signal), ctx.connection, input.campaignId),
      // Everybody there is told the same (`engine/presence/presence-pictures.ts`).
      shareEncoding,
    ),
  ),

  /** Where this page is, and what it says of itself: for connections that watch. The latest word counts. */
  set: mutationProcedure.input(parsedBy(setPresenceInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (caller): Promise<{ campaignId: string }> => {
      const { campaignId, focus, data } = input;
      ctx.service.presence.set(caller, ctx.connection, campaignId, { focus, data });
      return { campaignId };
    }),
  ),
});
