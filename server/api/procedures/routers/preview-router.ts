import { accessKeyOf } from '../../../access/access-keys.ts';
import type { AccessKeys, CreatedAccessKey } from '../../../access/access-keys.ts';
import { PREVIEW_LIMITS, type AccessKey } from '../../../core/access-key.ts';
import { RefusalError } from '../../../core/errors.ts';
import { can, CALL_ACTIONS } from '../../../core/permissions.ts';
import { forbidden, notFound } from '../../../engine/refusals.ts';
import { parsedBy } from '../parse-input.ts';
import { historyProcedure, inTurn, keyProcedure, router } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { createPreviewInput, revokePreviewInput } from '../schemas/access-schemas.ts';
import { campaignInput } from '../schemas/parts.ts';

/**
 * Links to previews. Each has a key of its own, with the right to read one campaign as it is, until a time or the
 * campaign's deletion, and is counted nowhere; whoever edits the campaign makes, sees and revokes them. A key makes no
 * keys, not these either.
 */
export const previewRouter = router({
  /** A new link's key. Its secret is in this answer, and nowhere else. */
  create: keyProcedure
    .input(parsedBy(createPreviewInput))
    .mutation(({ ctx, input, signal }): Promise<CreatedAccessKey> =>
      inTurn(ctx, signal, 1, async ({ identity }) => {
        const { campaignId, name, lifetimeMs } = input;
        const keys = keysFor(ctx, campaignId, 'createPreview');
        const made = await keys.createPreview({ campaignId, name, lifetimeMs, createdBy: identity.id });
        if (made === 'no campaign') throw notFound(campaignId);
        if (made === 'full') {
          const { perCampaign: limit } = PREVIEW_LIMITS;
          const message = `campaignId: at most ${limit} links open its preview at once; end one that is not needed`;
          throw new RefusalError('TOO_LARGE', message, { path: ['campaignId'], limit });
        }
        ctx.call.key = made;
        return made;
      }),
    ),

  /** The links that open the campaign's preview now, the newest first. */
  list: historyProcedure.input(parsedBy(campaignInput)).query(({ ctx, input }): Promise<AccessKey[]> => {
    const { campaignId } = input;
    return keysFor(ctx, campaignId, 'listPreviews').listPreviews(campaignId);
  }),

  /** Ends a link: on this instance at once, on others within ten seconds, on pages that are open too. */
  revoke: keyProcedure.input(parsedBy(revokePreviewInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (): Promise<{ id: string; revoked: true }> => {
      const { campaignId, id } = input;
      if (!(await keysFor(ctx, campaignId, 'revokePreview').revoke(id, campaignId)))
        throw new RefusalError('NOT_FOUND', 'id: there is no link with this id', { path: ['id'] });
      ctx.call.key = { id };
      return { id, revoked: true };
    }),
  ),
});

function keysFor(
  { connection, accessKeys, call }: CallContext,
  campaignId: string,
  action: 'createPreview' | 'listPreviews' | 'revokePreview',
): AccessKeys {
  const identity = connection.admitted();
  if (!can(identity, CALL_ACTIONS[action], campaignId, true) || accessKeyOf(identity) !== undefined)
    throw forbidden(campaignId, call.path);
  if (!accessKeys)
    throw new RefusalError('UNAVAILABLE', `${call.path}: this server's archive stores no keys`, { retryable: false });
  return accessKeys;
}
