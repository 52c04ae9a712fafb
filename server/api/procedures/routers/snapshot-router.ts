import { RefusalError } from '../../../core/errors.ts';
import type { SnapshotRun } from '../../../core/history-store.ts';
import { can } from '../../../core/permissions.ts';
import { forbidden } from '../../../engine/refusals.ts';
import type { SavedSnapshot } from '../../../snapshot/periodic-snapshots.ts';
import type { RestoreAppended, RestoreFinished, SnapshotService } from '../../../snapshot/snapshot-service.ts';
import { parsedBy } from '../parse-input.ts';
import { historyProcedure, inTurn, mutationProcedure, router } from '../procedures.ts';
import type { CallContext } from '../run-call.ts';
import { restoreAppendInput, restoreBeginInput, restoreInput } from '../schemas/snapshot-schemas.ts';

/** Answer of `snapshot.status`. All times are epoch milliseconds by this server's clock. */
export interface SnapshotStatus {
  readonly now: number;
  /** From one to the next, in milliseconds; missing where none are saved by themselves (`SNAPSHOT_DIR`). */
  readonly everyMs?: number;
  /** Files that are kept. */
  readonly keep?: number;
  /** Whether this instance is saving one. */
  readonly isRunning: boolean;
  /** The last one that was saved, by any instance. */
  readonly last?: SnapshotRun;
  /** Attempts of this instance that failed since its start, and why the newest did, unless one succeeded since. */
  readonly failures: number;
  readonly failure?: string;
  /** Those in this instance's folder, the newest first. */
  readonly files: readonly SavedSnapshot[];
}

/**
 * Restores of snapshot files into the running service, for admins of all campaigns. The file is sent in parts; the
 * snapshot itself is a download, `GET /snapshot`.
 */
export const snapshotRouter = router({
  /** What has been saved by itself, and what comes next; for admins of all campaigns. */
  status: historyProcedure.query(async ({ ctx }): Promise<SnapshotStatus> => {
    const { periodic } = administer(ctx);
    if (!periodic) return { now: Date.now(), isRunning: false, failures: 0, files: [] };
    const { everyMs, keep, stats } = periodic;
    const { last, failures, failure, isRunning } = stats;
    return {
      now: Date.now(),
      everyMs,
      keep,
      isRunning,
      failures,
      ...(last && { last }),
      ...(failure && { failure: failure.message }),
      files: await periodic.files(),
    };
  }),

  /** Begins a snapshot into the server's folder now; `status` says what came of it. */
  takeNow: mutationProcedure.mutation(({ ctx, signal }) =>
    inTurn(ctx, signal, 1, async (): Promise<{ readonly started: true }> => {
      const { periodic } = administer(ctx);
      if (!periodic)
        throw new RefusalError('UNAVAILABLE', 'This server has no folder for snapshots: set SNAPSHOT_DIR', {
          retryable: false,
        });
      await periodic.takeNow();
      return { started: true };
    }),
  ),

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
  if (!can(connection.admitted(), 'administer', '*', true)) throw forbidden('*', 'snapshot');
  if (!snapshots)
    throw new RefusalError('UNAVAILABLE', 'snapshot: this server stores nothing that could be saved or restored', {
      retryable: false,
    });
  return snapshots;
}
