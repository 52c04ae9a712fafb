import { asError, RefusalError } from '../../core/errors.ts';
import type { EngineObserver } from '../observer.ts';
import type { Archive, Clock } from '../ports.ts';

/** How long a caller's request may wait for the archive, in milliseconds; a pooler lets statements wait for minutes. */
const DEADLINE_MS = 15_000;

/**
 * Archive for callers' requests: its errors become `UNAVAILABLE`, retryable, and what exactly is wrong is only logged.
 * A call without an answer within 15 seconds is refused so too; what comes of it later is ignored. The archiver uses
 * the archive itself, and has its own retries.
 */
export function createRequestArchive(archive: Archive, observer: EngineObserver, clock: Pick<Clock, 'after'>): Archive {
  const answering = answeringCalls(observer, clock);
  return {
    load: answering('load', (campaignId, recent) => archive.load(campaignId, recent)),
    create: answering('create', (campaignId, first, state) => archive.create(campaignId, first, state)),
    commit: answering('commit', (parts) => archive.commit(parts)),
    enterLog: answering('enterLog', (campaignId, expected, epoch) => archive.enterLog(campaignId, expected, epoch)),
    leaveLog: answering('leaveLog', (campaignId, generation) => archive.leaveLog(campaignId, generation)),
    remove: answering('remove', (deletion) => archive.remove(deletion)),
    removeRows: answering('removeRows', (campaignId) => archive.removeRows(campaignId)),
    completeDeletion: answering('completeDeletion', (campaignId) => archive.completeDeletion(campaignId)),
    openDeletions: answering('openDeletions', () => archive.openDeletions()),
    findDeletion: answering('findDeletion', (campaignId) => archive.findDeletion(campaignId)),
    heads: answering('heads', (campaignIds) => archive.heads(campaignIds)),
    findMutation: answering('findMutation', (campaignId, mutationId) => archive.findMutation(campaignId, mutationId)),
    history: answering('history', (campaignId, before, limit) => archive.history(campaignId, before, limit)),
    stateAt: answering('stateAt', (campaignId, version) => archive.stateAt(campaignId, version)),
    versionAt: answering('versionAt', (campaignId, time) => archive.versionAt(campaignId, time)),
    list: answering('list', (query) => archive.list(query)),
    count: answering('count', (query) => archive.count(query)),
    ping: () => archive.ping(),
    stop: (how) => archive.stop(how),
  };
}

/** Wraps calls of the database that requests wait for, as {@link createRequestArchive} has it. */
export function answeringCalls(observer: EngineObserver, clock: Pick<Clock, 'after'>) {
  return <A extends unknown[], T>(what: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      try {
        return await withDeadline(call(...args), clock);
      } catch (cause) {
        if (cause instanceof RefusalError) throw cause;
        observer.failed?.({ what: `archive: ${what}`, error: asError(cause) });
        throw new RefusalError('UNAVAILABLE', 'the database does not answer; try again', { retryAfterMs: 1_000 });
      }
    };
}

function withDeadline<T>(answer: Promise<T>, clock: Pick<Clock, 'after'>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(DEADLINE_MS, () => reject(new Error(`no answer within ${DEADLINE_MS} ms`)));
    answer.finally(cancel).then(resolve, reject);
  });
}
