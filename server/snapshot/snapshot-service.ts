import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { RefusalError } from '../core/errors.ts';
import type { Clock, OrderedLog } from '../engine/ports.ts';
import type { PeriodicSnapshots } from './periodic-snapshots.ts';
import { startEndingAbandonedRestores } from './restoring/abandoned-restores.ts';
import type { RestoreOptions } from './restoring/restore-options.ts';
import type { RestoreProgress, RestoreReport } from './restoring/restore-report.ts';
import { createRestoreSession, type RestoreSession } from './restoring/restore-session.ts';
import type { RestoreTarget } from './restoring/restore-snapshot.ts';
import type { FollowedSnapshot } from './lines.ts';
import type { SnapshotProgress } from './snapshot-output.ts';
import { writeIncrement } from './write-increment.ts';
import { writeSnapshot } from './write-snapshot.ts';

/** Answer to a part of a file that was sent for a restore. */
export interface RestoreAppended {
  /** Bytes of the file that have come. */
  readonly received: number;
  readonly progress: RestoreProgress;
}

/** Answer to the end of a file: the report, or how far it is. */
export type RestoreFinished =
  | { readonly done: true; readonly report: RestoreReport }
  | { readonly done: false; readonly progress: RestoreProgress };

/** Snapshots of a running server, and restores into it. Callers' rights have been checked before. */
export interface SnapshotService {
  /**
   * The file of a snapshot, block by block, as fast as it is read and no faster than others can bear.
   *
   * @param campaignIds default: all campaigns
   * @throws RefusalError `OVERLOADED` where one is under way on this instance
   */
  take(campaignIds?: readonly string[]): AsyncGenerator<Uint8Array, SnapshotProgress, undefined>;
  /**
   * The file of what has changed since a chain of files, likewise.
   *
   * @param follows the last of them
   * @param chain all of them, the whole one first
   * @throws SnapshotError where one of them is damaged
   * @throws IncrementError where only a whole snapshot can say what there is
   */
  takeSince(
    follows: FollowedSnapshot,
    chain: readonly AsyncIterable<Uint8Array>[],
  ): AsyncGenerator<Uint8Array, SnapshotProgress, undefined>;
  /**
   * Begins a restore on this instance; its file comes by `append`.
   *
   * @throws RefusalError `OVERLOADED` where one is under way on this instance
   */
  beginRestore(options: RestoreOptions): { readonly restoreId: string };
  /** @throws RefusalError what has ended the restore; `NOT_FOUND` where this instance has none of that id */
  append(restoreId: string, offset: number, bytes: Uint8Array): Promise<RestoreAppended>;
  /** Says that the file is complete. To be called again until it is done. */
  finish(restoreId: string): Promise<RestoreFinished>;
  /** Ends the restore of a caller that does not send the rest. */
  abandon(restoreId: string): void;
  /** Those that are saved by themselves; `undefined` where none are (`SNAPSHOT_DIR`). */
  readonly periodic?: PeriodicSnapshots | undefined;
  stop(): Promise<void>;
}

export interface SnapshotServiceOptions {
  readonly store: RestoreTarget['store'];
  readonly log: Pick<OrderedLog, 'seed'>;
  readonly clock: Pick<Clock, 'now' | 'token'>;
  readonly onAdopted?: RestoreTarget['onAdopted'];
  /** Version of this server. */
  readonly version: string;
  /** Whether campaigns are changed at this time, here or by other instances. Default: they are not. */
  readonly isChanging?: () => boolean;
  /** What abandoned restores have left could not be dropped; it is tried again. */
  readonly onFailed?: (error: Error) => void;
}

/**
 * Milliseconds that a snapshot rests for each millisecond that it worked. Three quarters of the archive's time, and of
 * this thread's, are left to others who only read; beside changes, about 97 of 100 changes meet no work of it at all,
 * so that their slowest hundredth is not made of those that do.
 */
const PAUSE_FOR_WORK = { alone: 3, besideChanges: 30 } as const;

/** The longest of these pauses, in milliseconds: on a machine that is starved it has to come to an end too. */
const MAX_PAUSE_MS = 100;

/** How long a snapshot rests after so many milliseconds of work. */
export function restAfter(workMs: number, besideChanges: boolean): number {
  return Math.min(MAX_PAUSE_MS, workMs * (besideChanges ? PAUSE_FOR_WORK.besideChanges : PAUSE_FOR_WORK.alone));
}

/** How long a restore waits for the next part of its file, in milliseconds. */
const IDLE_RESTORE_MS = 60_000;

/** How long one call waits for a restore to end, in milliseconds: shorter than proxies wait for an answer. */
const FINISH_WAIT_MS = 10_000;

export function createSnapshotService({
  store,
  log,
  clock,
  onAdopted,
  version,
  isChanging = () => false,
  onFailed = () => undefined,
}: SnapshotServiceOptions): SnapshotService {
  const restores = new Map<string, { readonly session: RestoreSession; idle: NodeJS.Timeout }>();
  const stopEndingAbandoned = startEndingAbandonedRestores(store, clock, onFailed);
  let taking = false;
  let stopping = false;

  const find = (restoreId: string): RestoreSession => {
    const restore = restores.get(restoreId);
    if (!restore) {
      const message =
        'restoreId: this instance has no such restore; behind a balancer, name one instance by its own address';
      throw new RefusalError('NOT_FOUND', message, { path: ['restoreId'] });
    }
    restore.idle.refresh();
    return restore.session;
  };

  /** What all files say and heed. */
  const common = () => ({
    store,
    id: clock.token(),
    createdAt: clock.now(),
    server: version,
    now: () => performance.now(),
    async pace(workMs: number) {
      if (stopping) throw new RefusalError('UNAVAILABLE', 'The server is shutting down');
      await pause(restAfter(workMs, isChanging()));
    },
    yieldTurn: () => nextTurn(),
  });

  async function* one(
    write: () => AsyncGenerator<Buffer, SnapshotProgress, undefined>,
  ): AsyncGenerator<Buffer, SnapshotProgress, undefined> {
    if (taking) throw busy('A snapshot');
    taking = true;
    try {
      return yield* write();
    } finally {
      taking = false;
    }
  }

  return {
    take: (campaignIds) => one(() => writeSnapshot({ ...common(), campaignIds })),

    takeSince: (follows, chain) => one(() => writeIncrement({ ...common(), follows, chain })),

    beginRestore(options) {
      if (restores.size > 0) throw busy('A restore');
      const restoreId = randomBytes(16).toString('base64url');
      const session = createRestoreSession(options, { store, log, clock, onAdopted });
      const idle = setTimeout(() => {
        session.abandon('The next part of the file has not come in time');
        restores.delete(restoreId);
      }, IDLE_RESTORE_MS);
      idle.unref();
      restores.set(restoreId, { session, idle });
      return { restoreId };
    },

    async append(restoreId, offset, bytes) {
      const session = find(restoreId);
      try {
        const progress = await session.append(offset, bytes);
        return { received: session.received, progress };
      } catch (error) {
        // Bytes that are missing in between may still come; everything else has ended it.
        if (!(error instanceof RefusalError && error.refusal.path?.[0] === 'offset')) remove(restoreId);
        throw error;
      }
    },

    async finish(restoreId) {
      const session = find(restoreId);
      try {
        const report = await session.finish(FINISH_WAIT_MS);
        if (!report) return { done: false, progress: session.progress };
        remove(restoreId);
        return { done: true, report };
      } catch (error) {
        remove(restoreId);
        throw error;
      }
    },

    abandon(restoreId) {
      restores.get(restoreId)?.session.abandon('The restore was abandoned');
      remove(restoreId);
    },

    async stop() {
      stopping = true;
      await stopEndingAbandoned();
      const sessions = [...restores.values()].map(({ session }) => session);
      for (const session of sessions) session.abandon('The server is shutting down');
      for (const restoreId of restores.keys()) remove(restoreId);
      // What is being put in its place is one transaction each; the others are done by the next attempt.
      await Promise.race([Promise.all(sessions.map(({ over }) => over)), pause(1_000, undefined, { ref: false })]);
    },
  };

  function remove(restoreId: string): void {
    clearTimeout(restores.get(restoreId)?.idle);
    restores.delete(restoreId);
  }
}

function busy(what: string): RefusalError {
  return new RefusalError('OVERLOADED', `${what} is under way on this instance; try again later`, {
    retryAfterMs: 10_000,
  });
}
