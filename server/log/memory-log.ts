import { applyLockChange, emptyJobTable, emptyLockTable, holds, type LockTable } from '../core/locks/lock-table.ts';
import type { Head, SealedEntry } from '../core/stream/log-record.ts';
import {
  HEALTHY_LOG,
  NO_OTHER_PRESENCE,
  NO_OTHER_VIEWERS,
  type AppendResult,
  type LockOutcome,
  type LogEvent,
  type OpenedLog,
  type OrderedLog,
  type PendingEntries,
} from '../engine/ports.ts';
import { nextTail } from '../core/stream/hash-chain.ts';

/** One campaign's log: its head, and its entries from the watermark on. */
interface CampaignLog {
  generation: number;
  head: Head;
  durableVersion: number;
  /**
   * The entries after `durableVersion`, and before them some durable ones for gap repair: contiguous up to
   * `head.version`.
   */
  entries: SealedEntry[];
  listener: ((event: LogEvent) => void) | undefined;
  locks: LockTable;
}

export interface MemoryLogOptions {
  /** How many durable entries of a campaign stay, to repair gaps. Default 0: in one process there are none. */
  readonly keepDurable?: number;
  /**
   * The log's clock, by which locks expire: epoch milliseconds that never fall. Default: the process' monotonic clock,
   * which does not follow a wall clock that is set anew.
   */
  now?(): number;
}

/**
 * The log of one process, in memory: the embedded one, and the twin of the Redis log. It publishes entries within
 * `append`, before that resolves.
 */
export function createMemoryLog({ keepDurable = 0, now = monotonicNow }: MemoryLogOptions = {}): OrderedLog {
  const campaigns = new Map<string, CampaignLog>();
  /** Campaigns with entries that are not durable, the longest waiting one first. */
  const notDurable = new Set<string>();
  const pendingListeners = new Set<() => void>();
  let backlogEntries = 0;
  let stopped = false;
  let jobs = emptyJobTable(now(), 0);
  let onJobTable: (table: LockTable) => void = () => undefined;

  /** Answers a call that writes; after a stop it rejects, as nothing it brings would be kept. */
  const call = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (stopped) throw new Error('The log has been stopped.');
      resolve(answer());
    });

  const trim = (log: CampaignLog): void => {
    const durable = log.durableVersion - (log.head.version - log.entries.length);
    if (durable > keepDurable) log.entries.splice(0, durable - keepDurable);
  };

  const readAfter = (log: CampaignLog, version: number, limit: number): SealedEntry[] => {
    const first = log.head.version - log.entries.length;
    return version < first ? [] : log.entries.slice(version - first, version - first + limit);
  };

  /**
   * Whether the log's timeline includes that head, which its next entry tells by the tail. True as well where that
   * entry has been trimmed.
   */
  const includes = (log: CampaignLog, { epoch, version, tail }: Head): boolean => {
    if (log.head.epoch !== epoch || version > log.head.version) return false;
    if (version === log.head.version) return log.head.tail === tail;
    const [next] = readAfter(log, version, 1);
    return next === undefined || next.tail === nextTail(tail, next.bytes);
  };

  const drop = (campaignId: string, log: CampaignLog): void => {
    backlogEntries -= log.head.version - log.durableVersion;
    notDurable.delete(campaignId);
    campaigns.delete(campaignId);
  };

  return {
    open: (campaignId, generation, archived, listener) =>
      call((): OpenedLog => {
        const log = campaigns.get(campaignId);
        if (log?.generation !== generation || !includes(log, archived)) return { kind: 'absent' };
        const entries = readAfter(log, archived.version, Number.POSITIVE_INFINITY);
        if (entries.length !== log.head.version - archived.version) return { kind: 'stale-archive' };
        log.listener = listener;
        return { kind: 'opened', head: log.head, durableVersion: log.durableVersion, entries, locks: log.locks };
      }),

    seed: (campaignId, generation, head) =>
      call(() => {
        const log = campaigns.get(campaignId);
        if (log && log.generation >= generation) return;
        if (log) drop(campaignId, log);
        campaigns.set(campaignId, {
          generation,
          head,
          durableVersion: head.version,
          entries: [],
          listener: undefined,
          locks: emptyLockTable(generation),
        });
        log?.listener?.({ kind: 'reset' });
      }),

    remainder(campaignId, archived) {
      const log = campaigns.get(campaignId);
      const entries: SealedEntry[] = [];
      let { tail } = archived;
      for (const sealed of log ? readAfter(log, archived.version, Number.POSITIVE_INFINITY) : []) {
        tail = nextTail(tail, sealed.bytes);
        if (sealed.tail !== tail) break;
        entries.push(sealed);
      }
      return Promise.resolve(entries);
    },

    close(campaignId, { leave }) {
      const log = campaigns.get(campaignId);
      if (log) log.listener = undefined;
      if (!log || !leave || log.durableVersion < log.head.version) return Promise.resolve(false);
      // With the campaign its locks would go, and somebody's lease has not ended.
      if (log.locks.rows.some(({ expiresAt }) => expiresAt > now())) return Promise.resolve(false);
      drop(campaignId, log);
      return Promise.resolve(true);
    },

    remove: (campaignId, generation, head) =>
      call(() => {
        const log = campaigns.get(campaignId);
        const isThere = log?.generation === generation && log.head.version === head.version && includes(log, head);
        if (!isThere || log.durableVersion < log.head.version) return false;
        drop(campaignId, log);
        return true;
      }),

    clear: (campaignId, generation) =>
      call(() => {
        const log = campaigns.get(campaignId);
        if (!log || log.generation > generation) return;
        drop(campaignId, log);
        log.listener?.({ kind: 'reset' });
      }),

    forget: (campaignId, version) =>
      call(() => {
        const log = campaigns.get(campaignId);
        if (!log) return true;
        if (log.durableVersion < version) return false;
        const first = log.head.version - log.entries.length;
        log.entries.splice(0, Math.max(0, version - first));
        return true;
      }),

    append: (campaignId, expected, entries, locks) =>
      call((): AppendResult => {
        const log = campaigns.get(campaignId);
        if (!log || !includes(log, expected)) return { kind: 'lost' };
        if (log.head.version !== expected.version) {
          return { kind: 'conflict', entries: readAfter(log, expected.version, Number.POSITIVE_INFINITY) };
        }
        if (locks && !holds(locks, log.locks, now()))
          return { kind: 'locks', reading: { table: log.locks, now: now() } };
        const last = entries.at(-1);
        if (!last) return { kind: 'appended' };
        log.entries.push(...entries);
        log.head = { epoch: expected.epoch, version: last.record.version, tail: last.tail };
        backlogEntries += entries.length;
        notDurable.add(campaignId);
        for (const sealed of entries) log.listener?.({ kind: 'entry', sealed });
        for (const listener of pendingListeners) listener();
        return { kind: 'appended' };
      }),

    changeLocks: (campaignId, change) =>
      call((): LockOutcome => {
        const log = campaigns.get(campaignId);
        if (!log) return { kind: 'lost' };
        const time = now();
        if (!holds(change.condition, log.locks, time))
          return { kind: 'stale', reading: { table: log.locks, now: time } };
        const table = applyLockChange(log.locks, change, time);
        if (table !== log.locks) {
          log.locks = table;
          log.listener?.({ kind: 'locks', table });
        }
        return { kind: 'changed', reading: { table, now: time } };
      }),

    jobLocks: {
      change: (change) =>
        call(() => {
          const time = now();
          if (!holds(change.condition, jobs, time)) return { kind: 'stale', reading: { table: jobs, now: time } };
          const table = applyLockChange(jobs, change, time);
          if (table !== jobs) onJobTable((jobs = table));
          return { kind: 'changed', reading: { table, now: time } };
        }),
      onTable(listener) {
        onJobTable = listener;
      },
    },

    read(campaignId, afterVersion, limit) {
      const log = campaigns.get(campaignId);
      return Promise.resolve(log ? readAfter(log, afterVersion, limit) : []);
    },

    pending(limit, except) {
      const found: PendingEntries[] = [];
      let remaining = limit;
      for (const campaignId of notDurable) {
        if (remaining <= 0) break;
        const log = campaigns.get(campaignId);
        if (!log || except?.has(campaignId)) continue;
        const entries = readAfter(log, log.durableVersion, remaining);
        remaining -= entries.length;
        if (entries.length > 0) found.push({ campaignId, entries });
      }
      return Promise.resolve(found);
    },

    markDurable(campaignId, epoch, version) {
      const log = campaigns.get(campaignId);
      if (!log || log.head.epoch !== epoch || version <= log.durableVersion) return Promise.resolve();
      const upTo = Math.min(version, log.head.version);
      backlogEntries -= upTo - log.durableVersion;
      log.durableVersion = upTo;
      // A campaign that still waits goes to the end, so that a busy one cannot keep the archiver from the others.
      notDurable.delete(campaignId);
      if (upTo < log.head.version) notDurable.add(campaignId);
      trim(log);
      log.listener?.({ kind: 'durable', epoch, version: upTo });
      return Promise.resolve();
    },

    onPending(listener) {
      pendingListeners.add(listener);
    },

    backlog() {
      // The first one has waited longest, but for the rest of a busy campaign: near enough for a gauge, at no cost.
      const [first] = notDurable;
      const log = first === undefined ? undefined : campaigns.get(first);
      const oldestAt = log && readAfter(log, log.durableVersion, 1)[0]?.record.at;
      return { entries: backlogEntries, oldestAt };
    },

    health: HEALTHY_LOG,
    clockOffset: 0,
    shared: false,
    viewers: NO_OTHER_VIEWERS,
    presence: NO_OTHER_PRESENCE,

    handOver: () => Promise.resolve(),

    stop() {
      stopped = true;
      campaigns.clear();
      notDurable.clear();
      pendingListeners.clear();
      return Promise.resolve();
    },
  };
}

function monotonicNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
