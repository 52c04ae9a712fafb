import { roleFor } from '../../core/permissions.ts';
import type { Role } from '../../core/permissions.ts';
import { parsedBy } from './parse-input.ts';
import { mutationProcedure, procedure, router } from './procedures.ts';
import { authenticateInput, campaignInput } from './schemas.ts';

/** What `session.info` says. */
export interface SessionInfo {
  /** Under which name the caller's changes stand in the history. */
  id: string;
  /** The caller's role for the campaign that was asked about; missing where there is none. */
  role?: Role;
  /** Without a token. */
  anonymous: boolean;
  /** Epoch milliseconds at which these rights end. */
  expiresAt?: number;
}

/** The caller's own session. */
export const sessionRouter = router({
  /** Who is calling, and in which role; for a console that offers nothing it would be refused. */
  info: procedure.input(parsedBy(campaignInput)).query(({ ctx, input }): SessionInfo => {
    const identity = ctx.connection.admitted();
    const { id, expiresAt, anonymous = false } = identity;
    const role = roleFor(identity, input.campaignId);
    return { id, anonymous, ...(role && { role }), ...(expiresAt !== undefined && { expiresAt }) };
  }),

  /**
   * New rights on a live connection, for its subscriptions too. What is sent after it on the same connection waits for
   * it, and is decided with the new rights. A bad token changes nothing.
   */
  authenticate: mutationProcedure.input(parsedBy(authenticateInput)).mutation(async ({ ctx, input }) => {
    await ctx.call.ticket?.turn();
    const identity = await ctx.authenticate(input.token);
    ctx.connection.replaceIdentity(identity);
    return { id: identity.id, expiresAt: identity.expiresAt };
  }),
});
