import type { KeyedArchive } from '../keyed-archive.ts';
import { join } from 'node:path';
import { lockDataFolder } from './data-folder-lock.ts';
import { prepareFolder } from './prepare-folder.ts';
import { superviseWorker, type WorkerObserver } from './worker-supervisor.ts';
import { packCommit } from './worker-messages.ts';
import { startThread, type ArchiveThread } from './worker-thread.ts';

export interface PgliteArchiveOptions extends WorkerObserver {
  /** The folder of all data (`DATA_DIR`), made where it is missing; for one process at a time. */
  readonly dataDir: string;
  /** The Postgres schema in it. */
  readonly namespace: string;
}

/**
 * The worker's file, beside this one: `worker.ts` where Node runs the source, `pglite-worker.js` in a build. A build
 * must therefore have `archive/pglite/worker.ts` as an entry named `pglite-worker`, in the folder of the bundle that
 * holds this module.
 */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './pglite-worker.js', import.meta.url);

/**
 * Opens the embedded archive: Postgres as WASM in a worker thread, with its files in `dataDir/pglite`. A commit has
 * been handed to the operating system when it resolves, so that `kill -9` of the process loses nothing of it; PGlite
 * never calls fsync, so that a power cut can.
 *
 * @example
 *   const archive = await openPgliteArchive({ dataDir: './data', namespace: 'campaign_state' });
 *
 * @throws ArchiveError `in-use` where another process has the folder
 */
export async function openPgliteArchive(options: PgliteArchiveOptions): Promise<KeyedArchive> {
  const { dataDir, namespace } = options;
  const lock = await lockDataFolder(dataDir);
  /**
   * The log memberships that a crashed worker had begun: the log is in this process and lives on, so that a clean stop
   * may end them all the same.
   */
  const memberships = new Map<string, number>();
  const folder = join(dataDir, 'pglite');
  const start = (): ArchiveThread => startThread(WORKER, { folder, namespace, memberships });
  const opening = prepareFolder(WORKER, folder).then(() => superviseWorker(start, options));
  const thread = await opening.catch(async (error: unknown) => {
    await lock.release();
    throw error;
  });
  const { call } = thread;
  let stopping: Promise<void> | undefined;
  /** Guards writes: writing into files that have been removed succeeds, and is lost with the process. */
  const whileLocked = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!stopping) lock.assertHeld();
    return await write();
  };
  return {
    load: (campaignId, recent) => call('load', [campaignId, recent]),
    create: (campaignId, first, state) => whileLocked(() => call('create', [campaignId, first, state])),
    commit: (parts) => whileLocked(() => call('commit', [parts.map(packCommit)])),
    async enterLog(campaignId, expected, epoch) {
      const entered = await whileLocked(() => call('enterLog', [campaignId, expected, epoch]));
      if (entered) memberships.set(campaignId, expected.generation + 1);
      return entered;
    },
    async leaveLog(campaignId, generation) {
      await call('leaveLog', [campaignId, generation]);
      if (memberships.get(campaignId) === generation) memberships.delete(campaignId);
    },
    async remove(deletion) {
      const removed = await whileLocked(() => call('remove', [deletion]));
      if (removed) memberships.delete(deletion.campaignId);
      return removed;
    },
    removeRows: (campaignId) => whileLocked(() => call('removeRows', [campaignId])),
    completeDeletion: (campaignId) => whileLocked(() => call('completeDeletion', [campaignId])),
    openDeletions: () => call('openDeletions', []),
    findDeletion: (campaignId) => call('findDeletion', [campaignId]),
    heads: (campaignIds) => call('heads', [campaignIds]),
    findMutation: (campaignId, mutationId) => call('findMutation', [campaignId, mutationId]),
    history: (campaignId, before, limit) => call('history', [campaignId, before, limit]),
    stateAt: (campaignId, version) => call('stateAt', [campaignId, version]),
    versionAt: (campaignId, time) => call('versionAt', [campaignId, time]),
    list: (query) => call('list', [query]),
    count: (query) => call('count', [query]),
    insertKey: (key) => whileLocked(() => call('insertKey', [key])),
    insertPreview: (key, limit) => whileLocked(() => call('insertPreview', [key, limit])),
    listKeys: () => call('listKeys', []),
    listPreviews: (campaignId, at) => call('listPreviews', [campaignId, at]),
    findKeys: (ids) => call('findKeys', [ids]),
    revokeKey: (id, at, previewOf) => whileLocked(() => call('revokeKey', [id, at, previewOf])),
    markKeysUsed: (uses) => whileLocked(() => call('markKeysUsed', [uses])),
    countHistories: (ids) => call('countHistories', [ids]),
    readHeads: (after, limit) => call('readHeads', [after, limit]),
    readHistories: (after, limit, ids) => call('readHistories', [after, limit, ids]),
    readEntries: (after, through, bytes) => call('readEntries', [after, through, bytes]),
    readCheckpoints: (campaignId, afterVersion, bytes) => call('readCheckpoints', [campaignId, afterVersion, bytes]),
    findEntries: (filter, before, limit) => call('findEntries', [filter, before, limit]),
    appendEvents: (events, keep) => whileLocked(() => call('appendEvents', [events, keep])),
    readEvents: (after, limit) => call('readEvents', [after, limit]),
    newestEvents: (before, limit) => call('newestEvents', [before, limit]),
    unsignedHeads: (entries, before, limit) => call('unsignedHeads', [entries, before, limit]),
    lastStatement: () => call('lastStatement', []),
    appendStatement: (statement, heads, at) => whileLocked(() => call('appendStatement', [statement, heads, at])),
    readStatements: (after, limit) => call('readStatements', [after, limit]),
    redact: (redacted) => call('redact', [redacted]),
    redactionsAfter: (ordinal, limit) => call('redactionsAfter', [ordinal, limit]),
    markForgotten: (ordinal) => call('markForgotten', [ordinal]),
    recordEvents: (rows) => whileLocked(() => call('recordEvents', [rows])),
    countUnits: (phase) => call('countUnits', [phase]),
    sumMetric: (phase, metric) => call('sumMetric', [phase, metric]),
    readSpan: (phase) => call('readSpan', [phase]),
    readProgress: (phase, metric, everyMs) => call('readProgress', [phase, metric, everyMs]),
    readTimeline: (campaignId, from, to) => call('readTimeline', [campaignId, from, to]),
    recordViewers: (counts) => whileLocked(() => call('recordViewers', [counts])),
    readPaints: (campaignId, epoch, version) => call('readPaints', [campaignId, epoch, version]),
    campaignSalt: (campaignId, proposed) => whileLocked(() => call('campaignSalt', [campaignId, proposed])),
    forgetUnits: (campaignId, units) => whileLocked(() => call('forgetUnits', [campaignId, units])),
    forgetCampaign: (campaignId) => whileLocked(() => call('forgetCampaign', [campaignId])),
    listPhases: () => call('listPhases', []),
    markPhases: (phases) => whileLocked(() => call('markPhases', [phases])),
    sweepAnalytics: (retention) => whileLocked(() => call('sweepAnalytics', [retention])),
    holdPlaces: (rows, max) => whileLocked(() => call('holdPlaces', [rows, max])),
    findHeldPlaces: (units) => call('findHeldPlaces', [units]),
    listHeldLines: (campaignIds) => call('listHeldLines', [campaignIds]),
    markHeldLines: (lines) => whileLocked(() => call('markHeldLines', [lines])),
    sweepHeldPlaces: (before) => whileLocked(() => call('sweepHeldPlaces', [before])),
    claimCompaction: (holder, now, until) => whileLocked(() => call('claimCompaction', [holder, now, until])),
    findCompactable: (kept, limit, now) => call('findCompactable', [kept, limit, now]),
    findKeep: (campaignId) => call('findKeep', [campaignId]),
    setKeep: (campaignId, keep) => call('setKeep', [campaignId, keep]),
    mayCompact: () => call('mayCompact', []),
    setBase: (campaignId, base) => whileLocked(() => call('setBase', [campaignId, base])),
    deleteCompacted: () => whileLocked(() => call('deleteCompacted', [])),
    orphans: () => call('orphans', []),
    beginRestore: (id, now, staleAt) => whileLocked(() => call('beginRestore', [id, now, staleAt])),
    stage: (id, entries, checkpoints, now) => whileLocked(() => call('stage', [id, entries, checkpoints, now])),
    adopt: (id, histories, redactedUntil) => whileLocked(() => call('adopt', [id, histories, redactedUntil])),
    endRestore: (id) => whileLocked(() => call('endRestore', [id])),
    endStaleRestores: (staleAt, forgetAt) => whileLocked(() => call('endStaleRestores', [staleAt, forgetAt])),
    claimSnapshot: (claim) => whileLocked(() => call('claimSnapshot', [claim])),
    releaseSnapshot: (holder, run) => whileLocked(() => call('releaseSnapshot', [holder, run])),
    lastSnapshot: () => call('lastSnapshot', []),
    ping: () => whileLocked(() => call('ping', [])),
    stop: (how) => (stopping ??= call('stop', [how]).finally(() => thread.end().then(() => lock.release()))),
  };
}
