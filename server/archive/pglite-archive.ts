import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Archive } from '../engine/ports.ts';
import { lockDataFolder } from './data-folder-lock.ts';
import { ArchiveError } from './errors.ts';
import { packCommit, unpackError, type ArchiveMethod, type Reply, type Request, type WorkerOptions } from './pglite-messages.ts';

export interface PgliteArchiveOptions {
  /** The folder of everything that is kept (`DATA_DIR`); made where it is missing. One process at a time. */
  dataDir: string;
  /** The Postgres schema in it. */
  namespace: string;
}

/**
 * The worker's file, beside this one: `pglite-worker.ts` where Node runs the source, `pglite-worker.js` in a build, which must
 * therefore have `archive/pglite-worker.ts` as an entry named `pglite-worker`, in the folder of the bundle that holds this module.
 */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './pglite-worker.ts' : './pglite-worker.js', import.meta.url);

/**
 * The embedded archive: Postgres as WASM in a thread of its own, with its files in `dataDir/pglite`. A commit has been handed to the
 * system when it resolves, so `kill -9` of the process loses nothing of it; PGlite never calls fsync, so a power cut can.
 *
 * @throws ArchiveError `in-use` where another process has the folder
 */
export async function openPgliteArchive(options: PgliteArchiveOptions): Promise<Archive> {
  const { dataDir, namespace } = options;
  const lock = await lockDataFolder(dataDir);
  const thread = startThread({ folder: join(dataDir, 'pglite'), namespace });
  try {
    await thread.opened;
  } catch (error) {
    await thread.end();
    await lock.release();
    throw error;
  }
  const { call } = thread;
  let stopping: Promise<void> | undefined;
  return {
    load: (campaignId, recent) => call('load', [campaignId, recent]),
    create: (campaignId, first, state) => call('create', [campaignId, first, state]),
    commit: (parts) => call('commit', [parts.map(packCommit)]),
    enterLog: (campaignId, expected, epoch) => call('enterLog', [campaignId, expected, epoch]),
    leaveLog: (campaignId, generation) => call('leaveLog', [campaignId, generation]),
    heads: (campaignIds) => call('heads', [campaignIds]),
    findMutation: (campaignId, mutationId) => call('findMutation', [campaignId, mutationId]),
    history: (campaignId, before, limit) => call('history', [campaignId, before, limit]),
    stateAt: (campaignId, version) => call('stateAt', [campaignId, version]),
    list: (query) => call('list', [query]),
    ping: () => call('ping', []),
    stop: (how) => (stopping ??= call('stop', [how]).finally(() => thread.end().then(() => lock.release()))),
  };
}

interface Thread {
  /** Resolves when the archive is open, rejects where it cannot be. */
  opened: Promise<void>;
  call: <M extends ArchiveMethod>(method: M, args: unknown[]) => ReturnType<Archive[M]>;
  end: () => Promise<void>;
}

/** Starts the worker and gives each answer to the call that waits for it; when the thread ends, nobody waits any longer. */
function startThread(options: WorkerOptions): Thread {
  const worker = new Worker(WORKER, { workerData: options, name: 'campaign-state archive' });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: ArchiveError) => void }>();
  let ended: ArchiveError | undefined;
  let lastId = 0;

  const wait = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      // The thread keeps the process alive only while somebody waits for it.
      if (waiting.size === 0) worker.ref();
      waiting.set(id, { resolve, reject });
    });

  const settle = (reply: Reply): void => {
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (waiting.size === 0) worker.unref();
    if (reply.ok) caller?.resolve(reply.value);
    else caller?.reject(unpackError(reply.error));
  };

  const fail = (error: ArchiveError): void => {
    ended ??= error;
    for (const caller of waiting.values()) caller.reject(ended);
    waiting.clear();
  };

  worker.on('message', settle);
  worker.on('error', (error) => fail(new ArchiveError('stopped', `The archive's thread has failed: ${error.message}`, { cause: error })));
  worker.on('exit', () => fail(new ArchiveError('stopped', 'The archive has been stopped.')));

  const call = (method: ArchiveMethod, args: unknown[]): Promise<unknown> => {
    if (ended) return Promise.reject(ended);
    const request: Request = { id: (lastId += 1), method, args };
    const answer = wait(request.id);
    worker.postMessage(request);
    return answer;
  };

  return {
    opened: wait(0).then(() => undefined),
    // The worker answers with what that method of its archive returned.
    call: call as Thread['call'],
    end: async () => {
      await worker.terminate();
    },
  };
}
