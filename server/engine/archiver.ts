import { asError } from '../core/errors.ts';
import { createCommitContents, type CommitContentsOptions } from './commit-contents.ts';
import type { EngineObserver } from './observer.ts';
import type { Archive, CampaignCommit, Clock, CommitOutcome, Head, OrderedLog, PendingEntries, SealedEntry } from './ports.ts';

export interface ArchiverOptions extends CommitContentsOptions {
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  observer: EngineObserver;
  /** Entries in one transaction, at most. */
  batchEntries?: number;
  /** First and longest pause after a failure, in milliseconds; in between it doubles, with jitter. */
  retry?: { first: number; longest: number };
}

export interface Archiver {
  /** Commits what is pending until `isDone`; false where that did not come true within that many milliseconds. */
  flush(patience: number, isDone: () => boolean): Promise<boolean>;
  readonly failing: boolean;
  stop(): Promise<void>;
}

/** How often a flush looks whether it is done, in milliseconds. */
const FLUSH_POLL_MS = 5;

/** Bytes of entries in one transaction, at most. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** The archive has it, and the log could not be told. */
class LogAway extends Error {
  override readonly name = 'LogAway';
}

/**
 * Carries the log into the archive: one transaction at a time over all campaigns that wait (group commit: what comes in meanwhile
 * makes the next batch), then the watermark. Everything it commits is read from the log. Any number of archivers may run: the
 * archive's guard on `(epoch, version)` lets each entry in once, and where a batch's outcome is not known, the heads are read before
 * anything is tried again.
 */
export function createArchiver(options: ArchiverOptions): Archiver {
  const { log, archive, clock, observer } = options;
  const batchEntries = options.batchEntries ?? 1_000;
  const retry = options.retry ?? { first: 100, longest: 10_000 };
  const contents = createCommitContents(options);
  /** Campaigns whose data the archive refuses, and when each is tried again. */
  const stalled = new Map<string, { until: number; attempt: number }>();
  let attempt = 0;
  let stopping = false;
  let awake = true;
  let wakeUp: (() => void) | undefined;

  const wake = (): void => {
    awake = true;
    wakeUp?.();
  };

  const sleep = (milliseconds: number | undefined): Promise<void> =>
    new Promise((resolve) => {
      const cancel = milliseconds === undefined ? () => undefined : clock.after(milliseconds, () => wakeUp?.());
      wakeUp = () => {
        wakeUp = undefined;
        cancel();
        resolve();
      };
    });

  const backoff = (tries: number): number => Math.min(retry.first * 2 ** (tries - 1), retry.longest) * (0.5 + clock.random() / 2);

  const markStalled = (campaignId: string, error: Error): void => {
    const tries = (stalled.get(campaignId)?.attempt ?? 0) + 1;
    stalled.set(campaignId, { until: clock.now() + backoff(tries), attempt: tries });
    contents.forget(campaignId);
    observer.stalled?.({ campaignId, error });
  };

  const toCommit = async (pending: PendingEntries): Promise<CampaignCommit | undefined> => {
    const prepared = await contents.partFor(pending);
    if (prepared.kind === 'part') return prepared.part;
    await settleConflict(pending.campaignId, pending.entries, prepared.head);
    return undefined;
  };

  /** The log being away is neither the archive's fault nor the campaign's: the whole round is tried again. */
  const tellDurable = async (campaignId: string, epoch: string, version: number): Promise<void> => {
    await log.markDurable(campaignId, epoch, version).catch((cause: unknown) => {
      throw new LogAway(asError(cause).message, { cause });
    });
  };

  /** The archive stands elsewhere: either it has these entries already, or their line is not the archive's. */
  const settleConflict = async (campaignId: string, entries: readonly SealedEntry[], head: Head | undefined): Promise<void> => {
    contents.forget(campaignId);
    const known = head && entries.find(({ record }) => record.version === head.version);
    const behind = head !== undefined && entries[0] !== undefined && head.version >= entries[0].record.version;
    if (head && behind && head.epoch === entries[0]?.record.epoch && (known === undefined || known.tail === head.tail)) {
      stalled.delete(campaignId);
      await tellDurable(campaignId, head.epoch, head.version);
      return;
    }
    const found = head ? `${head.epoch}:${head.version}` : 'nothing';
    markStalled(campaignId, new Error(`${campaignId}: the archive holds ${found}, which the log's next entry does not follow`));
  };

  const settle = async (parts: readonly CampaignCommit[], outcomes: readonly CommitOutcome[]): Promise<void> => {
    const byId = new Map(parts.map((part) => [part.campaignId, part]));
    for (const outcome of outcomes) {
      const part = byId.get(outcome.campaignId);
      const last = part?.entries.at(-1);
      if (!part || !last) continue;
      if (outcome.kind === 'conflict') {
        await settleConflict(part.campaignId, part.entries, outcome.head);
        continue;
      }
      stalled.delete(part.campaignId);
      contents.committed(part);
      await tellDurable(part.campaignId, last.record.epoch, last.record.version);
    }
  };

  const commit = async (parts: readonly CampaignCommit[]): Promise<void> => {
    const startedAt = clock.now();
    const outcomes = await archive.commit(parts);
    const committed = outcomes.filter(({ kind }) => kind === 'committed').length;
    const entries = parts.reduce((sum, part) => sum + part.entries.length, 0);
    await settle(parts, outcomes);
    if (committed > 0) observer.committed?.({ campaigns: committed, entries, seconds: (clock.now() - startedAt) / 1_000 });
  };

  /** A failure with a healthy archive is the campaign's own: it stalls, and no other. Rejects where the archive is away. */
  const orStall = async <T>(campaignId: string, work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof LogAway) throw cause;
      await archive.ping();
      markStalled(campaignId, asError(cause));
      return undefined;
    }
  };

  const round = async (): Promise<boolean> => {
    const now = clock.now();
    const except = new Set([...stalled].filter(([, { until }]) => until > now).map(([campaignId]) => campaignId));
    const pending = withinBytes(await log.pending(batchEntries, except), BATCH_BYTES);
    // Whose turn has come and who waits for nothing any more has got over it: another archiver may have been there.
    if (pending.length === 0) for (const campaignId of stalled.keys()) if (!except.has(campaignId)) stalled.delete(campaignId);
    const prepared = await Promise.all(pending.map((entries) => orStall(entries.campaignId, toCommit(entries))));
    const parts = prepared.filter((part) => part !== undefined);
    if (parts.length === 0) return pending.length > 0;
    try {
      await commit(parts);
    } catch (cause) {
      if (cause instanceof LogAway) throw cause;
      observer.commitFailed?.({ error: asError(cause), attempt: attempt + 1, retryInMs: 0 });
      for (const { campaignId } of parts) contents.forget(campaignId);
      // Rejects where the archive is away: then it is no campaign's fault, and the whole round is tried again later.
      await archive.ping();
      for (const part of parts) await orStall(part.campaignId, commit([part]));
    }
    return true;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      let pause: number | undefined;
      try {
        awake = false;
        const more = await round();
        attempt = 0;
        if (more) awake = true;
        else if (stalled.size > 0) pause = Math.max(0, Math.min(...[...stalled.values()].map(({ until }) => until)) - clock.now());
      } catch (cause) {
        attempt += 1;
        pause = backoff(attempt);
        awake = false;
        observer.commitFailed?.({ error: asError(cause), attempt, retryInMs: pause });
        // New entries must not cut the pause short; only the end does.
        await sleep(pause);
        continue;
      }
      if (!awake && !stopping) await sleep(pause);
    }
  };

  log.onPending(() => {
    if (attempt === 0) wake();
  });
  const ended = loop();

  return {
    get failing() {
      return attempt > 0 || stalled.size > 0;
    },

    async flush(patience, isDone) {
      const until = clock.now() + patience;
      // It does not wait for the end of a pause. Looked at again and again, because others may do the work.
      wake();
      while (!isDone()) {
        if (clock.now() >= until) return false;
        await new Promise<void>((resolve) => clock.after(Math.min(FLUSH_POLL_MS, until - clock.now()), resolve));
      }
      return true;
    },

    async stop() {
      stopping = true;
      wake();
      await ended;
    },
  };
}

/** The first of them, as far as they fit; one entry always does. */
function withinBytes(pending: readonly PendingEntries[], limit: number): PendingEntries[] {
  const taken: PendingEntries[] = [];
  let bytes = 0;
  for (const { campaignId, entries } of pending) {
    const fitting = entries.filter((sealed) => (bytes += sealed.bytes.length) <= limit || (taken.length === 0 && sealed === entries[0]));
    if (fitting.length > 0) taken.push({ campaignId, entries: fitting });
    if (bytes > limit) break;
  }
  return taken;
}
