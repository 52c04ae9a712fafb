import type { AccessKeys, CreatedAccessKey } from '../../../access/access-keys.ts';
import { accessKeyOf } from '../../../access/access-keys.ts';
import type { AccessKey } from '../../../core/access-key.ts';
import { RefusalError } from '../../../core/errors.ts';
import { can } from '../../../core/permissions.ts';
import { forbidden } from '../../../engine/refusals.ts';
import { parsedBy } from '../parse-input.ts';
import { historyProcedure, inTurn, keyProcedure, router } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { createKeyInput, revokeKeyInput } from '../schemas/access-schemas.ts';

/** API keys of services. Admins of all campaigns only, and with a token: a key makes no keys. */
export const accessRouter = router({
  /** A new key. Its secret is in this answer, and nowhere else. */
  create: keyProcedure.input(parsedBy(createKeyInput)).mutation(({ ctx, input, signal }): Promise<CreatedAccessKey> =>
    inTurn(ctx, signal, 1, async ({ identity }) => {
      const keys = administer(ctx, 'access.create');
      if (input.expiresAt !== undefined && input.expiresAt <= Date.now())
        throw new RefusalError('INVALID', 'expiresAt: must be in the future', { path: ['expiresAt'] });
      const made = await keys.create({
        name: input.name,
        grants: input.campaigns,
        expiresAt: input.expiresAt,
        createdBy: identity.id,
      });
      ctx.call.key = made;
      return made;
    }),
  ),

  /**
   * All keys, also revoked and expired ones, the newest first; without their secrets, which the server does not have.
   */
  list: historyProcedure.query(({ ctx }): Promise<AccessKey[]> => administer(ctx, 'access.list').list()),

  /** Ends a key: on this instance at once, on others within ten seconds, on open connections too. */
  revoke: keyProcedure.input(parsedBy(revokeKeyInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (): Promise<{ id: string; revoked: true }> => {
      if (!(await administer(ctx, 'access.revoke').revoke(input.id)))
        throw new RefusalError('NOT_FOUND', 'id: there is no key with this id', { path: ['id'] });
      ctx.call.key = { id: input.id };
      return { id: input.id, revoked: true };
    }),
  ),
});

function administer({ connection, accessKeys }: CallContext, what: string): AccessKeys {
  const identity = connection.admitted();
  if (!can(identity, 'administer', '*', true) || accessKeyOf(identity) !== undefined) throw forbidden('*', what);
  if (!accessKeys)
    throw new RefusalError('UNAVAILABLE', `${what}: this server's archive stores no keys`, { retryable: false });
  return accessKeys;
}
