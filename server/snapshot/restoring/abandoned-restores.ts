import { setTimeout as pause } from 'node:timers/promises';
import { asError } from '../../core/errors.ts';
import type { HistoryStore } from '../../core/history-store.ts';

/** How long what a restore has staged is kept while nothing more comes, in milliseconds. */
export const ABANDONED_AFTER_MS = 60 * 60 * 1_000;

/**
 * How long it stays known what one has put in its place while nothing more comes, in milliseconds: whoever runs it
 * again meanwhile does not replace that once more.
 */
const FORGOTTEN_AFTER_MS = 30 * 24 * 60 * 60 * 1_000;

/** Interval at which it is looked for, in milliseconds. */
const LOOK_MS = 10 * 60 * 1_000;

/**
 * Drops what abandoned restores have staged, for as long as the instance runs: whole histories, of which something may
 * be redacted later where it is in use.
 *
 * @returns stops it
 */
export function startEndingAbandonedRestores(
  store: Pick<HistoryStore, 'endStaleRestores'>,
  clock: { now(): number },
  onFailed: (error: Error) => void,
): () => Promise<void> {
  const ending = new AbortController();
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const now = clock.now();
      await store.endStaleRestores(now - ABANDONED_AFTER_MS, now - FORGOTTEN_AFTER_MS).catch((error: unknown) => {
        if (!ending.signal.aborted) onFailed(asError(error));
      });
      await pause(LOOK_MS, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
    }
  };
  const ended = loop();
  return async () => {
    ending.abort();
    await ended;
  };
}
