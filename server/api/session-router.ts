import { parsedBy } from './parse-input.ts';
import { mutationProcedure, router } from './procedures.ts';
import { authenticateInput } from './schemas.ts';

/** The caller's own session. */
export const sessionRouter = router({
  /**
   * New rights on a live connection, for its subscriptions too. What is sent after it on the same connection waits for it, and is
   * decided with the new rights. A bad token changes nothing.
   */
  authenticate: mutationProcedure.input(parsedBy(authenticateInput)).mutation(async ({ ctx, input }) => {
    await ctx.call.ticket?.turn();
    const identity = await ctx.authenticate(input.token);
    ctx.connection.replaceIdentity(identity);
    return { id: identity.id, expiresAt: identity.expiresAt };
  }),
});
