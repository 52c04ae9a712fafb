import { parsedBy } from '../parse-input.ts';
import { inTurn, mutationProcedure, router, subscriptionProcedure } from '../procedures.ts';
import { setPresenceInput } from '../schemas/lock-schemas.ts';
import { campaignInput } from '../schemas/parts.ts';
import { attendPresence, watchPresence } from '../subscriptions/attended-presence.ts';
import { shareEncoding } from '../subscriptions/frames.ts';
import { subscriptionOf } from '../subscriptions/subscription.ts';

/** Who is at a campaign. Nothing of it is stored, or in the history. */
export const presenceRouter = router({
  /** Everybody who is there, then what changes; an editor who watches is a member itself. Others are told counts. */
  watch: subscriptionProcedure.input(parsedBy(campaignInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      () => watchPresence(ctx, signal, input.campaignId),
      // Everybody there is told the same (`engine/presence/presence-pictures.ts`).
      shareEncoding,
    ),
  ),

  /**
   * This page is a member for as long as this lasts, and is told once that it is: for those who need no picture of the
   * others, such as relays, which ask for their callers.
   */
  attend: subscriptionProcedure.input(parsedBy(campaignInput)).subscription(({ ctx, input, signal }) =>
    subscriptionOf(
      ctx,
      input.campaignId,
      () => attendPresence(ctx, signal, input.campaignId),
      (event) => event,
    ),
  ),

  /** Where this page is, and what it says of itself: for connections that watch. The latest word counts. */
  set: mutationProcedure.input(parsedBy(setPresenceInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (caller): Promise<{ campaignId: string }> => {
      const { campaignId, focus, data } = input;
      ctx.service.presence.set(caller, ctx.connection, campaignId, { focus, data });
      ctx.upstream?.say(ctx.connection, campaignId, { focus, data });
      return { campaignId };
    }),
  ),
});
