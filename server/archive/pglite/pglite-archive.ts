import { join } from 'node:path';
import type { Archive } from '../../engine/ports.ts';
import { lockDataFolder } from './data-folder-lock.ts';
import { superviseWorker, type BreakdownObserver } from './worker-supervisor.ts';
import { packCommit } from './worker-messages.ts';
import { startThread, type ArchiveThread } from './worker-thread.ts';

export interface PgliteArchiveOptions extends BreakdownObserver {
  /** The folder of everything that is kept (`DATA_DIR`); made where it is missing. One process at a time. */
  dataDir: string;
  /** The Postgres schema in it. */
  namespace: string;
}

/**
 * The worker's file, beside this one: `worker.ts` where Node runs the source, `pglite-worker.js` in a build, which must
 * therefore have `archive/pglite/worker.ts` as an entry named `pglite-worker`, in the folder of the bundle that holds
 * this module.
 */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './pglite-worker.js', import.meta.url);

/**
 * The embedded archive: Postgres as WASM in a thread of its own, with its files in `dataDir/pglite`. A commit has been
 * handed to the system when it resolves, so `kill -9` of the process loses nothing of it; PGlite never calls fsync, so
 * a power cut can.
 *
 * @throws ArchiveError `in-use` where another process has the folder
 */
export async function openPgliteArchive(options: PgliteArchiveOptions): Promise<Archive> {
  const { dataDir, namespace } = options;
  const lock = await lockDataFolder(dataDir);
  /**
   * What a thread that breaks down knew: the log is in this process and lives on, so that a clean stop may free these
   * seats all the same.
   */
  const memberships = new Map<string, number>();
  const start = (): ArchiveThread => startThread(WORKER, { folder: join(dataDir, 'pglite'), namespace, memberships });
  const thread = await superviseWorker(start, options).catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const { call } = thread;
  let stopping: Promise<void> | undefined;
  /** For whatever writes: writing into files that have no name any more succeeds, and is gone with the process. */
  const held = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!stopping) lock.assertHeld();
    return await write();
  };
  return {
    load: (campaignId, recent) => call('load', [campaignId, recent]),
    create: (campaignId, first, state) => held(() => call('create', [campaignId, first, state])),
    commit: (parts) => held(() => call('commit', [parts.map(packCommit)])),
    async enterLog(campaignId, expected, epoch) {
      const entered = await held(() => call('enterLog', [campaignId, expected, epoch]));
      if (entered) memberships.set(campaignId, expected.generation + 1);
      return entered;
    },
    async leaveLog(campaignId, generation) {
      await call('leaveLog', [campaignId, generation]);
      if (memberships.get(campaignId) === generation) memberships.delete(campaignId);
    },
    heads: (campaignIds) => call('heads', [campaignIds]),
    findMutation: (campaignId, mutationId) => call('findMutation', [campaignId, mutationId]),
    history: (campaignId, before, limit) => call('history', [campaignId, before, limit]),
    stateAt: (campaignId, version) => call('stateAt', [campaignId, version]),
    list: (query) => call('list', [query]),
    ping: () => held(() => call('ping', [])),
    stop: (how) => (stopping ??= call('stop', [how]).finally(() => thread.end().then(() => lock.release()))),
  };
}
