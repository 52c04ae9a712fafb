import { RefusalError } from '../../core/errors.ts';
import { can } from '../../core/permissions.ts';
import { forbidden } from '../../engine/refusals.ts';
import type { RestoreAppended, RestoreFinished, SnapshotService } from '../../snapshot/snapshot-service.ts';
import { parsedBy } from './parse-input.ts';
import { inTurn, mutationProcedure, router } from './procedures.ts';
import type { CallContext } from './run-call.ts';
import { restoreAppendInput, restoreBeginInput, restoreInput } from './snapshot-schemas.ts';

/**
 * Restores of snapshot files into the running service, for admins of all campaigns. The file is sent in parts; the
 * snapshot itself is a download, `GET /snapshot`.
 */
export const snapshotRouter = router({
  /** Begins a restore. Its parts have to come to the same instance, each within a minute. */
  restoreBegin: mutationProcedure
    .input(parsedBy(restoreBeginInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, async (): Promise<{ readonly restoreId: string }> => administer(ctx).beginRestore(input)),
    ),

  /** The next bytes of the file, at most 512 KiB of them. Nothing is restored before all have come. */
  restoreAppend: mutationProcedure
    .input(parsedBy(restoreAppendInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, async (): Promise<RestoreAppended> =>
        administer(ctx).append(input.restoreId, input.offset, Buffer.from(input.bytes, 'base64')),
      ),
    ),

  /** The file is complete: checks it to its end, and restores it. To be called until it says that it is done. */
  restoreFinish: mutationProcedure
    .input(parsedBy(restoreInput))
    .mutation(({ ctx, input, signal }) =>
      inTurn(ctx, signal, 1, async (): Promise<RestoreFinished> => administer(ctx).finish(input.restoreId)),
    ),

  /** Ends a restore whose file is not complete; nothing is restored. */
  restoreAbandon: mutationProcedure.input(parsedBy(restoreInput)).mutation(({ ctx, input, signal }) =>
    inTurn(ctx, signal, 1, async (): Promise<{ readonly restoreId: string }> => {
      administer(ctx).abandon(input.restoreId);
      return { restoreId: input.restoreId };
    }),
  ),
});

function administer({ connection, snapshots }: CallContext): SnapshotService {
  if (!can(connection.admitted(), 'administer', '*', true)) throw forbidden('*', 'restore');
  if (!snapshots)
    throw new RefusalError('UNAVAILABLE', 'restore: this server stores nothing that could be restored', {
      retryable: false,
    });
  return snapshots;
}
