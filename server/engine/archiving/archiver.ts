import type { Head, SealedEntry } from '../../core/stream/log-record.ts';
import { backoffDelay } from '../../core/backoff.ts';
import { asError } from '../../core/errors.ts';
import { archiveOutage, commitFailure } from './archive-outage.ts';
import { createArchiverPace } from './archiver-pace.ts';
import { createCampaignPace } from './campaign-pace.ts';
import { continuation } from '../campaign/continuation.ts';
import { createCommitContents, fold, type CommitContentsOptions } from './commit-contents.ts';
import type { EngineObserver } from '../observer.ts';
import type {
  Archive,
  CampaignCommit,
  Clock,
  CommitOutcome,
  DependencyFailure,
  OrderedLog,
  PendingEntries,
} from '../ports.ts';

export interface ArchiverOptions extends CommitContentsOptions {
  log: OrderedLog;
  archive: Archive;
  clock: Clock;
  observer: EngineObserver;
  /** Entries in one transaction, at most. Default 1,000. */
  batchEntries?: number;
  /**
   * First and longest pause after a failure, in milliseconds; in between it doubles, with jitter. Default 100, 10,000.
   */
  retry?: { first: number; longest: number };
}

/** The background writer that carries entries from the log into the archive. */
export interface Archiver {
  /** A campaign was deleted: nothing of it is kept. */
  forget(campaignId: string): void;
  /** Begins the next commit at once, because a caller waits for the durability of what the campaign just accepted. */
  flushNow(campaignId: string): void;
  /**
   * Commits what is pending until `isDone`, as fast as can be from here on: for the shutdown. False where that did not
   * come true within that many milliseconds.
   */
  flush(timeoutMs: number, isDone: () => boolean): Promise<boolean>;
  /** Since when the archive refuses the entries of a campaign, in epoch milliseconds; `undefined` where it does not. */
  stalledSince(campaignId: string): number | undefined;
  /** Whether the last round failed, or the entries of some campaign cannot be committed. */
  readonly failing: boolean;
  /** Why the last round failed, or that only some campaigns cannot be committed; `undefined` where nothing fails. */
  readonly failure: DependencyFailure | undefined;
  stop(): Promise<void>;
}

/** Interval at which a flush looks whether it is done, in milliseconds. */
const FLUSH_POLL_MS = 5;

/** Bytes of entries in one transaction, at most. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** The archive has committed, and the log cannot be reached with the new watermark. */
class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError';
}

/**
 * Creates the archiver of this instance: *group commit*. One transaction at a time takes what is pending over all
 * campaigns; what becomes pending meanwhile forms the next batch (`archiver-pace.ts` says when that begins). After each
 * commit the log is told the new watermark.
 *
 * Invariant: only entries of the log are committed, and the watermark follows a commit, never precedes it (G8). Any
 * number of archivers may run at once: the archive's guard on `(epoch, version, tail)` takes each entry once, and where
 * the outcome of a batch is not known, heads are read before anything is tried again. A head of the archive counts as
 * that of the log's timeline only if its tail is the timeline's tail at that version.
 *
 * A campaign whose entries the archive refuses stalls by itself, with a backoff of its own, so that it keeps no other
 * campaign from being committed.
 *
 * Rejected: a writer elected for each campaign. An election needs timeouts, and a writer that is wrong about them needs
 * the same guard; leases (`server/log`) only save duplicate work.
 */
export function createArchiver(options: ArchiverOptions): Archiver {
  const { log, archive, clock, observer, hosting } = options;
  /** Entries of a campaign that this instance has in memory and that are not durable. */
  const heldEntries = (campaignId: string): readonly SealedEntry[] => hosting.peek(campaignId)?.live.unsaved ?? [];
  const batchEntries = options.batchEntries ?? 1_000;
  const retry = options.retry ?? { first: 100, longest: 10_000 };
  const contents = createCommitContents(options);
  const pace = createArchiverPace(clock);
  const campaignPace = createCampaignPace(clock);
  /** Campaigns whose entries the archive refuses, and when each is tried again. */
  const stalled = new Map<string, { until: number; attempt: number; since: number }>();
  let attempt = 0;
  let failure: DependencyFailure | undefined;
  let stopping = false;

  const backoffMs = (tries: number): number =>
    backoffDelay(tries - 1, clock.random(), { base: retry.first, cap: retry.longest, jitter: 0.5 });

  const markStalled = (campaignId: string, error: Error): void => {
    const now = clock.now();
    const { attempt: failed = 0, since = now } = stalled.get(campaignId) ?? {};
    stalled.set(campaignId, { until: now + backoffMs(failed + 1), attempt: failed + 1, since });
    contents.clear(campaignId);
    observer.stalled?.({ campaignId, error });
  };

  /** A log that is away is neither the archive's fault nor the campaign's: the whole round is tried again. */
  const publishDurable = async (campaignId: string, epoch: string, version: number): Promise<void> => {
    await log.markDurable(campaignId, epoch, version).catch((cause: unknown) => {
      throw new LogUnavailableError(asError(cause).message, { cause });
    });
  };

  /** The tail of the log's timeline at a version, as far as the batch, memory or the log have its entry. */
  const tailAt = async (campaignId: string, entries: readonly SealedEntry[], version: number) => {
    const known = [...entries, ...heldEntries(campaignId)].find(({ record }) => record.version === version);
    const [sealed] = known ? [known] : await log.read(campaignId, version - 1, 1);
    return sealed?.record.version === version ? sealed.tail : undefined;
  };

  /**
   * Commits the entries that lie between the archive's head and the log's next entry: the archive has lost commits, as
   * a promoted replica may, or the log has lost entries. They are taken from what the log still has and from memory.
   *
   * @returns whether there were any
   */
  const fillGap = async (campaignId: string, entries: readonly SealedEntry[]): Promise<boolean> => {
    const archived = await archive.load(campaignId, 0);
    if (!archived) return false;
    const { head } = archived;
    const remainder = await log.remainder(campaignId, head);
    const missing = continuation(head, remainder, heldEntries(campaignId), entries).slice(0, batchEntries);
    const last = missing.at(-1);
    if (!last) return false;
    const expected = { epoch: head.epoch, version: head.version };
    const { state, archivedAt } = fold(archived, missing);
    const [outcome] = await archive.commit([{ campaignId, expected, entries: missing, state, archivedAt }]);
    if (outcome?.kind !== 'committed') return false;
    await publishDurable(campaignId, head.epoch, last.record.version);
    return true;
  };

  /**
   * Resolves a failed guard. The archive has these entries already, which only the tail at its head can prove; or a gap
   * lies between, which is filled; else it is on another timeline, and the campaign stalls.
   */
  const resolveConflict = async (
    campaignId: string,
    entries: readonly SealedEntry[],
    archived: Head | undefined,
  ): Promise<void> => {
    contents.clear(campaignId);
    const [first] = entries;
    if (!first) return;
    const { epoch, version } = first.record;
    if (archived?.epoch === epoch && archived.version >= version) {
      if ((await tailAt(campaignId, entries, archived.version)) === archived.tail) {
        stalled.delete(campaignId);
        await publishDurable(campaignId, archived.epoch, archived.version);
        return;
      }
    } else if (archived?.epoch === epoch && (await fillGap(campaignId, entries))) {
      stalled.delete(campaignId);
      return;
    }
    const isFirst = !stalled.has(campaignId);
    markStalled(campaignId, new Error(`${campaignId}: ${conflictMessage(first, archived, isFirst)}`));
  };

  const prepare = async (pending: PendingEntries): Promise<CampaignCommit | undefined> => {
    const prepared = await contents.prepare(pending);
    if (prepared.kind === 'commit') return prepared.commit;
    await resolveConflict(pending.campaignId, pending.entries, prepared.archived);
    return undefined;
  };

  const settle = async (part: CampaignCommit, outcome: CommitOutcome): Promise<void> => {
    const last = part.entries.at(-1);
    if (!last) return;
    if (outcome.kind === 'conflict') {
      await resolveConflict(part.campaignId, part.entries, outcome.head);
      return;
    }
    stalled.delete(part.campaignId);
    contents.onCommitted(part);
    await publishDurable(part.campaignId, last.record.epoch, last.record.version);
  };

  /** Concurrently: one after the other, each would wait for the log's answer to the one before. */
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
   * Does one campaign's work. Where it fails although the archive answers, that campaign stalls.
   *
   * @throws Error where log or archive are away
   */
  const orStall = async <T>(campaignId: string, work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (cause) {
      if (cause instanceof LogUnavailableError || archiveOutage(cause)) throw cause;
      await archive.ping();
      markStalled(campaignId, asError(cause));
      return undefined;
    }
  };

  /** Commits a batch. Returns whether it held nothing, everything that was pending, or a part of it. */
  const round = async (): Promise<'nothing' | 'all' | 'part'> => {
    const now = clock.now();
    const refused = [...stalled].filter(([, { until }]) => until > now).map(([campaignId]) => campaignId);
    const except = new Set([...refused, ...campaignPace.onRoundBegun()]);
    const waiting = await log.pending(batchEntries, except);
    const pending = withinBytes(waiting, BATCH_BYTES);
    const done = pending.length === 0 ? 'nothing' : isPart(pending, waiting, batchEntries) ? 'part' : 'all';
    // Stalled campaigns whose turn has come and that have nothing pending have recovered: another archiver has
    // committed their entries.
    if (pending.length === 0)
      for (const campaignId of stalled.keys()) if (!except.has(campaignId)) stalled.delete(campaignId);
    const prepared = await Promise.all(pending.map((entries) => orStall(entries.campaignId, prepare(entries))));
    const parts = prepared.filter((part) => part !== undefined);
    if (parts.length === 0) return done;
    try {
      await commit(parts);
      // What is left over is behind, and is committed as fast as can be.
      if (done === 'all')
        for (const { campaignId } of parts)
          campaignPace.onCommitted(campaignId, hosting.peek(campaignId)?.live.documentBytes ?? 0);
    } catch (cause) {
      // A full or read-only database refuses every campaign's entries: none of them is to blame.
      if (cause instanceof LogUnavailableError || archiveOutage(cause)) {
        for (const { campaignId } of parts) contents.clear(campaignId);
        throw cause;
      }
      observer.commitFailed?.({ error: asError(cause), attempt: attempt + 1, retryInMs: 0 });
      for (const { campaignId } of parts) contents.clear(campaignId);
      // Rejects where the archive is away: the failure is then no campaign's own, and the whole round is tried again.
      await archive.ping();
      for (const part of parts) await orStall(part.campaignId, commit([part]));
    }
    return done;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      pace.onRoundBegun();
      try {
        const done = await round();
        attempt = 0;
        failure = undefined;
        if (stopping) break;
        if (done === 'all') await pace.gather();
        if (done === 'nothing') await pace.idle(untilNext());
      } catch (cause) {
        attempt += 1;
        failure = commitFailure(cause);
        const retryInMs = backoffMs(attempt);
        observer.commitFailed?.({ error: asError(cause), attempt, retryInMs });
        if (!stopping) await pace.backOff(retryInMs);
      }
    }
  };

  /** Milliseconds until the first of the campaigns that wait, or are stalled, has its turn. */
  const untilNext = (): number | undefined => {
    const first = Math.min(campaignPace.firstEnd, ...[...stalled.values()].map(({ until }) => until));
    return first === Number.POSITIVE_INFINITY ? undefined : Math.max(0, first - clock.now());
  };

  log.onPending(pace.onPending);
  const ended = loop();

  return {
    get failing() {
      return attempt > 0 || stalled.size > 0;
    },
    get failure() {
      if (failure !== undefined || stalled.size === 0) return failure;
      return { cause: 'stalled', message: `The entries of ${stalled.size} campaigns cannot be committed.` };
    },

    flushNow(campaignId) {
      pace.flushNow(campaignPace.onAwaited(campaignId));
    },
    forget(campaignId) {
      contents.clear(campaignId);
      stalled.delete(campaignId);
    },
    stalledSince: (campaignId) => stalled.get(campaignId)?.since,

    async flush(timeoutMs, isDone) {
      const until = clock.now() + timeoutMs;
      // Polled, because another instance's archiver may do the work.
      campaignPace.end();
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

/**
 * Why the archive does not take the log's next entry. What to look for is said from the second time on: at the first it
 * may be a batch that was read just before another instance began a new epoch.
 */
function conflictMessage({ record }: SealedEntry, archived: Head | undefined, isFirst: boolean): string {
  const found = archived ? `${archived.epoch}:${archived.version}` : 'no such campaign';
  const message = `the archive holds ${found}, which the log's next entry, ${record.epoch}:${record.version}, does not follow`;
  if (isFirst) return message;
  if (!archived) return `${message}; was its row deleted?`;
  return archived.epoch === record.epoch
    ? `${message}; were its rows changed by hand?`
    : `${message}; do two clusters, each with a Redis of its own, use one namespace of Postgres?`;
}

/** Whether more may be pending than was taken. */
function isPart(taken: readonly PendingEntries[], waiting: readonly PendingEntries[], limit: number): boolean {
  const count = entriesIn(taken);
  return count >= limit || count < entriesIn(waiting);
}

function entriesIn(parts: readonly { entries: readonly SealedEntry[] }[]): number {
  return parts.reduce((sum, { entries }) => sum + entries.length, 0);
}

/** The first of the pending entries that fit into so many bytes; at least one entry. */
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
