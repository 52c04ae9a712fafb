import { open, rename, rm, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { HistoryStore, SnapshotRun } from '../core/history-store.ts';
import { asError, RefusalError } from '../core/errors.ts';
import { SnapshotError } from './snapshot-error.ts';
import { growingChain, listSnapshots, openFiles, prunable, snapshotName, timeOf } from './snapshot-files.ts';
import type { SnapshotService } from './snapshot-service.ts';
import { IncrementError } from './write-increment.ts';

/** What periodic snapshots have come to; for metrics. */
export interface PeriodicStats {
  /** The last one that was saved, by any instance, as far as this one has heard. */
  readonly last: SnapshotRun | undefined;
  /** Attempts of this instance that failed. */
  readonly failures: number;
  /** Why the newest attempt of this instance failed; `undefined` where it did not. */
  readonly failure: Error | undefined;
  /** Whether this instance is saving one. */
  readonly isRunning: boolean;
}

/** A snapshot in the folder. */
export interface SavedSnapshot {
  readonly name: string;
  readonly bytes: number;
  /** When it was begun, in epoch milliseconds. */
  readonly at: number;
  /** Whether it holds only what has changed since the one before it. */
  readonly isIncrement: boolean;
}

/** Snapshots that are saved by themselves. */
export interface PeriodicSnapshots {
  readonly stats: PeriodicStats;
  readonly everyMs: number;
  readonly keep: number;
  /** The snapshots in this instance's folder, the newest first. */
  files(): Promise<SavedSnapshot[]>;
  /**
   * Begins one, whether it is due or not. What comes of it is in `stats`.
   *
   * @throws RefusalError `OVERLOADED` where this instance, or another, is saving one
   */
  takeNow(): Promise<void>;
  stop(): Promise<void>;
}

export interface PeriodicOptions {
  /** The folder of the files, made where it is missing (`SNAPSHOT_DIR`). */
  readonly dir: string;
  /** Milliseconds from one to the next (`SNAPSHOT_EVERY`). */
  readonly everyMs: number;
  /** Files that are kept (`SNAPSHOT_KEEP`), beside those that they rest on. */
  readonly keep: number;
  /** Increments between two whole ones at most (`SNAPSHOT_INCREMENTS`); 0: all are whole. */
  readonly increments: number;
  readonly store: Pick<HistoryStore, 'claimSnapshot' | 'releaseSnapshot' | 'lastSnapshot'>;
  readonly snapshots: Pick<SnapshotService, 'take' | 'takeSince'>;
  /** Names this instance. */
  readonly instance: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onSaved?: (run: SnapshotRun) => void;
  readonly onFailed?: (error: Error) => void;
  /** A whole one is taken in place of an increment, because a file of the chain is damaged, or a campaign is. */
  readonly onBrokenChain?: (error: Error) => void;
}

/** How long an instance that says nothing keeps others from taking the snapshot, in milliseconds. */
const CLAIM_MS = 60_000;
/** Bounds of the interval between two looks whether one is due, in milliseconds; within them a twentieth of it. */
const LOOK_MS = { shortest: 100, longest: 60_000 } as const;
/** The pause after a failed attempt, in milliseconds, unless the interval is shorter. */
const RETRY_MS = 5 * 60_000;

/**
 * Takes snapshots by themselves: by whichever instance finds one due and claims it in the archive, so that of many
 * instances exactly one does. A claim is renewed while it is written; that of an instance which has died expires. The
 * file has its name only once it is whole and on the disk; then those beyond `keep` are removed, the oldest first, but
 * for those that others rest on.
 *
 * One holds only what has changed since the one before it, where this instance has that one and all that it rests on.
 */
export function startPeriodicSnapshots(options: PeriodicOptions): PeriodicSnapshots {
  const { dir, everyMs, keep, increments, store, instance, now } = options;
  const ending = new AbortController();
  let stats: PeriodicStats = { last: undefined, failures: 0, failure: undefined, isRunning: false };

  const claim = (dueBefore: number): Promise<boolean> =>
    store.claimSnapshot({ holder: instance, now: now(), until: now() + CLAIM_MS, dueBefore });

  /** What is saved is an increment where the chain allows it, else whole. */
  const save = async (): Promise<SnapshotRun> => {
    await mkdir(dir, { recursive: true });
    try {
      const chain = increments > 0 ? await growingChain(dir, increments) : undefined;
      if (chain) {
        const files = openFiles(chain.paths);
        const blocks = options.snapshots.takeSince(chain.follows, files.sources);
        return await saveAs(snapshotName(now(), chain.last), blocks).finally(() => files.close());
      }
    } catch (error) {
      if (!(error instanceof SnapshotError || error instanceof IncrementError)) throw error;
      options.onBrokenChain?.(error);
    }
    return await saveAs(snapshotName(now()), options.snapshots.take());
  };

  const saveAs = async (file: string, blocks: ReturnType<SnapshotService['take']>): Promise<SnapshotRun> => {
    const startedAt = performance.now();
    const part = join(dir, `${file}.part`);
    const handle = await open(part, 'w', 0o600);
    try {
      const begunAt = now();
      let claimedAt = begunAt;
      let next = await blocks.next();
      while (next.done !== true) {
        if (ending.signal.aborted) throw new Error('The server is shutting down');
        await handle.write(next.value);
        if (now() - claimedAt > CLAIM_MS / 4) {
          // Nobody may have saved one since this one began.
          if (!(await claim(begunAt)))
            throw new Error('Another instance has taken over: this one was silent for too long');
          claimedAt = now();
        }
        next = await blocks.next();
      }
      await handle.sync();
      await handle.close();
      await rename(part, join(dir, file));
      const { bytes, campaigns, entries, damaged } = next.value;
      const seconds = (performance.now() - startedAt) / 1_000;
      return { at: now(), file, bytes, campaigns, entries, damaged, seconds };
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(part, { force: true });
      throw error;
    }
  };

  /** Removes the oldest files beyond those that are kept, and parts that an instance which died has left. */
  const prune = async (): Promise<void> => {
    const { files, parts } = await listSnapshots(dir);
    const names = prunable(files, keep).map(({ name }) => name);
    for (const name of [...names, ...parts]) await rm(join(dir, name), { force: true });
  };

  /** Saves one, for which this instance has the claim. */
  const saveClaimed = async (): Promise<void> => {
    stats = { ...stats, isRunning: true };
    try {
      const run = await save();
      await store.releaseSnapshot(instance, run);
      stats = { ...stats, last: run, failure: undefined };
      options.onSaved?.(run);
      await prune();
    } catch (error) {
      await store.releaseSnapshot(instance, undefined).catch(() => undefined);
      throw error;
    } finally {
      stats = { ...stats, isRunning: false };
    }
  };

  const fail = (error: unknown): void => {
    if (ending.signal.aborted) return;
    const failure = asError(error);
    stats = { ...stats, failures: stats.failures + 1, failure };
    options.onFailed?.(failure);
  };

  /** Takes one if it is due and nobody else does; returns whether it failed. */
  const look = async (): Promise<boolean> => {
    // One that was asked for is under way: this instance has the claim.
    if (stats.isRunning) return false;
    try {
      const claimed = await claim(now() - everyMs);
      if (stats.isRunning) return false;
      if (claimed) await saveClaimed();
      else stats = { ...stats, last: await store.lastSnapshot() };
      return false;
    } catch (error) {
      fail(error);
      return !ending.signal.aborted;
    }
  };

  const interval = Math.max(LOOK_MS.shortest, Math.min(everyMs / 20, LOOK_MS.longest));
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const failed = await look();
      const waitMs = failed ? Math.min(everyMs, RETRY_MS) : interval;
      await pause(waitMs, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
    }
  };
  const ended = loop();
  /** One that was asked for. */
  let asked: Promise<void> = Promise.resolve();

  return {
    everyMs,
    keep,
    get stats() {
      return stats;
    },
    async files() {
      const { files } = await listSnapshots(dir).catch(() => ({ files: [] }));
      const saved = files.map(async ({ name, time, after }): Promise<SavedSnapshot | undefined> => {
        // One that is pruned meanwhile is none any more.
        const bytes = await stat(join(dir, name)).then(
          ({ size }) => size,
          () => undefined,
        );
        return bytes === undefined ? undefined : { name, bytes, at: timeOf(time), isIncrement: after !== undefined };
      });
      return (await Promise.all(saved)).filter((file) => file !== undefined).reverse();
    },
    async takeNow() {
      const claimed = !stats.isRunning && (await claim(now()));
      // Meanwhile this instance may have found that one is due, and begun it.
      if (stats.isRunning) throw busy('This instance');
      if (!claimed) throw busy('Another instance');
      asked = saveClaimed().catch(fail);
    },
    async stop() {
      ending.abort();
      await Promise.all([ended, asked]);
    },
  };
}

function busy(who: string): RefusalError {
  return new RefusalError('OVERLOADED', `${who} is saving a snapshot already`, { retryAfterMs: 10_000 });
}
