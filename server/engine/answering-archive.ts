import { CampaignError } from '../core/errors.ts';
import type { EngineObserver } from './observer.ts';
import type { Archive } from './ports.ts';

/**
 * The archive as callers' requests see it: while it is away, each of them is told `UNAVAILABLE` (try again), and what exactly is wrong
 * goes to the log alone. The archiver uses the bare archive, and has its own patience.
 */
export function answeringArchive(archive: Archive, observer: EngineObserver): Archive {
  const answering =
    <A extends unknown[], T>(what: string, call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      try {
        return await call(...args);
      } catch (cause) {
        if (cause instanceof CampaignError) throw cause;
        observer.failed?.({ what: `archive: ${what}`, error: cause instanceof Error ? cause : new Error(String(cause)) });
        throw new CampaignError('UNAVAILABLE', 'the database does not answer; try again', { retryAfterMs: 1_000 });
      }
    };

  return {
    load: answering('load', archive.load),
    create: answering('create', archive.create),
    commit: answering('commit', archive.commit),
    enterLog: answering('enterLog', archive.enterLog),
    leaveLog: answering('leaveLog', archive.leaveLog),
    heads: answering('heads', archive.heads),
    findMutation: answering('findMutation', archive.findMutation),
    history: answering('history', archive.history),
    stateAt: answering('stateAt', archive.stateAt),
    list: answering('list', archive.list),
    ping: archive.ping,
    stop: archive.stop,
  };
}
