import { asError } from '../../core/errors.ts';
import { createArchiverPace } from './archiver-pace.ts';
import { createCommitContents, type CommitContentsOptions } from './commit-contents.ts';
import type { EngineObserver } from '../observer.ts';
import type {
  Archive,
  CampaignCommit,
  Clock,
  CommitOutcome,
  Head,
  OrderedLog,
  PendingEntries,
  SealedEntry,
} from '../ports.ts';

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
  /** Somebody waits for what was just accepted to be committed: the next commit begins at once. */
  hurry(): void;
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
 * Carries the log into the archive: one transaction at a time over all campaigns that wait (group commit: what comes in
 * meanwhile makes the next batch, and `archiver-pace.ts` says when that begins), then the watermark. Everything it
 * commits is read from the log. Any number of archivers may run: the archive's guard on `(epoch, version)` lets each
 * entry in once, and where a batch's outcome is not known, the heads are read before anything is tried again.
 */
export function createArchiver(options: ArchiverOptions): Archiver {
  const { log, archive, clock, observer } = options;
  const batchEntries = options.batchEntries ?? 1_000;
  const retry = options.retry ?? { first: 100, longest: 10_000 };
  const contents = createCommitContents(options);
  const pace = createArchiverPace(clock);
  /** Campaigns whose data the archive refuses, and when each is tried again. */
  const stalled = new Map<string, { until: number; attempt: number }>();
  let attempt = 0;
  let stopping = false;

  const backoff = (tries: number): number =>
    Math.min(retry.first * 2 ** (tries - 1), retry.longest) * (0.5 + clock.random() / 2);

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
  const settleConflict = async (
    campaignId: string,
    entries: readonly SealedEntry[],
    head: Head | undefined,
  ): Promise<void> => {
    contents.forget(campaignId);
    const known = head && entries.find(({ record }) => record.version === head.version);
    const behind = head !== undefined && entries[0] !== undefined && head.version >= entries[0].record.version;
    if (
      head &&
      behind &&
      head.epoch === entries[0]?.record.epoch &&
      (known === undefined || known.tail === head.tail)
    ) {
      stalled.delete(campaignId);
      await tellDurable(campaignId, head.epoch, head.version);
      return;
    }
    const found = head ? `${head.epoch}:${head.version}` : 'nothing';
    markStalled(
      campaignId,
      new Error(`${campaignId}: the archive holds ${found}, which the log's next entry does not follow`),
    );
  };

  const settle = async (part: CampaignCommit, outcome: CommitOutcome): Promise<void> => {
    const last = part.entries.at(-1);
    if (!last) return;
    if (outcome.kind === 'conflict') {
      await settleConflict(part.campaignId, part.entries, outcome.head);
      return;
    }
    stalled.delete(part.campaignId);
    contents.committed(part);
    await tellDurable(part.campaignId, last.record.epoch, last.record.version);
  };

  /** All of them together: one after the other, each would wait for the log's answer to the one before. */
  const settleAll = async (parts: readonly CampaignCommit[], outcomes: readonly CommitOutcome[]): Promise<void> => {
    const byId = new Map(outcomes.map((outcome) => [outcome.campaignId, outcome]));
    const settled = await Promise.allSettled(
      parts.map(async (part) => {
        const outcome = byId.get(part.campaignId);
        if (outcome) await settle(part, outcome);
      }),
    );
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };

  const commit = async (parts: readonly CampaignCommit[]): Promise<void> => {
    const startedAt = clock.now();
    const outcomes = await archive.commit(parts);
    const committed = outcomes.filter(({ kind }) => kind === 'committed').length;
    await settleAll(parts, outcomes);
    if (committed > 0)
      observer.committed?.({
        campaigns: committed,
        entries: entriesIn(parts),
        seconds: (clock.now() - startedAt) / 1_000,
      });
  };

  /**
   * A failure with a healthy archive is the campaign's own: it stalls, and no other. Rejects where the archive is away.
   */
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

  /** How much there was: all that waited, or not yet all. */
  const round = async (): Promise<'nothing' | 'all' | 'part'> => {
    const now = clock.now();
    const except = new Set([...stalled].filter(([, { until }]) => until > now).map(([campaignId]) => campaignId));
    const waiting = await log.pending(batchEntries, except);
    const pending = withinBytes(waiting, BATCH_BYTES);
    const done = pending.length === 0 ? 'nothing' : isPart(pending, waiting, batchEntries) ? 'part' : 'all';
    // Whose turn has come and who waits for nothing any more has got over it: another archiver may have been there.
    if (pending.length === 0)
      for (const campaignId of stalled.keys()) if (!except.has(campaignId)) stalled.delete(campaignId);
    const prepared = await Promise.all(pending.map((entries) => orStall(entries.campaignId, toCommit(entries))));
    const parts = prepared.filter((part) => part !== undefined);
    if (parts.length === 0) return done;
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
    return done;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      pace.begin();
      try {
        const done = await round();
        attempt = 0;
        if (stopping) break;
        if (done === 'all') await pace.rest();
        if (done === 'nothing') await pace.idle(untilRetry());
      } catch (cause) {
        attempt += 1;
        const retryInMs = backoff(attempt);
        observer.commitFailed?.({ error: asError(cause), attempt, retryInMs });
        if (!stopping) await pace.recover(retryInMs);
      }
    }
  };

  /** When the first of those that stall is tried again. */
  const untilRetry = (): number | undefined => {
    const times = [...stalled.values()].map(({ until }) => until);
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - clock.now());
  };

  log.onPending(pace.onNews);
  const ended = loop();

  return {
    get failing() {
      return attempt > 0 || stalled.size > 0;
    },

    hurry: pace.hurry,

    async flush(patience, isDone) {
      const until = clock.now() + patience;
      // It does not wait for the end of a pause. Looked at again and again, because others may do the work.
      pace.interrupt();
      while (!isDone()) {
        if (clock.now() >= until) return false;
        await new Promise<void>((resolve) => clock.after(Math.min(FLUSH_POLL_MS, until - clock.now()), resolve));
      }
      return true;
    },

    async stop() {
      stopping = true;
      pace.interrupt();
      await ended;
    },
  };
}

/** Whether more waits, as far as can be told without asking. */
function isPart(taken: readonly PendingEntries[], waiting: readonly PendingEntries[], limit: number): boolean {
  const count = entriesIn(taken);
  return count >= limit || count < entriesIn(waiting);
}

function entriesIn(parts: readonly { entries: readonly SealedEntry[] }[]): number {
  return parts.reduce((sum, { entries }) => sum + entries.length, 0);
}

/** The first of them, as far as they fit; one entry always does. */
function withinBytes(pending: readonly PendingEntries[], limit: number): PendingEntries[] {
  const taken: PendingEntries[] = [];
  let bytes = 0;
  for (const { campaignId, entries } of pending) {
    const fitting = entries.filter(
      (sealed) => (bytes += sealed.bytes.length) <= limit || (taken.length === 0 && sealed === entries[0]),
    );
    if (fitting.length > 0) taken.push({ campaignId, entries: fitting });
    if (bytes > limit) break;
  }
  return taken;
}
