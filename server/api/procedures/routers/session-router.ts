import { roleFor } from '../../../core/permissions.ts';
import type { FieldAccess, Role } from '../../../core/permissions.ts';
import { parsedBy } from '../parse-input.ts';
import { authenticationProcedure, procedure, router, viewerProcedure } from '../procedures.ts';
import { authenticateInput, setViewerInput } from '../schemas/access-schemas.ts';
import { campaignInput } from '../schemas/parts.ts';

/** Answer of `session.info`. */
export interface SessionInfo {
  /** The caller's id: the actor of its changes in the history. */
  readonly id: string;
  /** The caller's role for the campaign of the input; missing where there is none. */
  readonly role?: Role;
  /** Fields in which its rights there are narrower than its role says; missing where it has no role. */
  readonly fields?: FieldAccess;
  /** Whether the caller has no token. */
  readonly anonymous: boolean;
  /** Expiry of these rights, in epoch milliseconds. */
  readonly expiresAt?: number;
}

/** The caller's own session. */
export const sessionRouter = router({
  /** The caller, its role and the fields kept from it, so that an app can hide what would be refused. */
  info: procedure.input(parsedBy(campaignInput)).query(({ ctx, input }): SessionInfo => {
    const identity = ctx.connection.admitted();
    const { id, expiresAt, anonymous = false } = identity;
    const role = roleFor(identity, input.campaignId);
    const fields = ctx.service.fieldAccess(identity, input.campaignId);
    return {
      id,
      anonymous,
      ...(role && { role }),
      ...(fields && { fields }),
      ...(expiresAt !== undefined && { expiresAt }),
    };
  }),

  /**
   * Replaces the rights of a live connection and of its subscriptions. Mutations sent after it on the same connection
   * wait for it and are decided with the new rights. A token that is refused changes nothing.
   */
  authenticate: authenticationProcedure.input(parsedBy(authenticateInput)).mutation(async ({ ctx, input }) => {
    await ctx.call.ticket?.turn();
    const identity = await ctx.authenticate(input.token);
    ctx.connection.replaceIdentity(identity);
    ctx.upstream?.onCaller(ctx.connection, { token: input.token });
    return { id: identity.id, expiresAt: identity.expiresAt };
  }),

  /**
   * Says who looks, for the live streams of this ws connection and for its later calls that do not say it themselves.
   * A stream whose outcome is another one then begins anew, with a snapshot. Over http, where each call names its
   * viewer itself, nothing is set.
   */
  setViewer: viewerProcedure
    .input(parsedBy(setViewerInput))
    .mutation(async ({ ctx, input }): Promise<{ set: boolean }> => {
      await ctx.call.ticket?.turn();
      return { set: ctx.connection.setViewer(input.viewer ?? undefined) };
    }),
});
