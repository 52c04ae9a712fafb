import type {
  AppendResult,
  Head,
  LogEvent,
  OpenedLog,
  OrderedLog,
  PendingEntries,
  SealedEntry,
} from '../engine/ports.ts';
import { nextTail } from '../engine/campaign/hash-chain.ts';

/** One campaign's log: its head, and its entries from the watermark on. */
interface CampaignLog {
  generation: number;
  head: Head;
  durableVersion: number;
  /**
   * Entries after `durableVersion`, and before that a tail for gap repair: contiguous, the last one is at
   * `head.version`.
   */
  entries: SealedEntry[];
  listener: ((event: LogEvent) => void) | undefined;
}

export interface MemoryLogOptions {
  /** How many durable entries stay, for readers that repair a gap. Default 0: in one process nobody has gaps. */
  keepDurable?: number;
}

/**
 * The log of one process: the embedded one, and the in-memory twin of the Redis log. Its entries are published within
 * `append`, before that resolves.
 */
export function createMemoryLog({ keepDurable = 0 }: MemoryLogOptions = {}): OrderedLog {
  const campaigns = new Map<string, CampaignLog>();
  /** Campaigns with entries that are not durable, in the order in which they came to be so. */
  const waiting = new Set<string>();
  const wakers = new Set<() => void>();
  let backlogEntries = 0;
  let stopped = false;

  /** Every call that brings something in; after the end it must not look as if the log had taken it. */
  const call = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (stopped) throw new Error('the log has been stopped');
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
   * Whether the line passes through that head: the entry behind it tells. True as well where that one has been trimmed,
   * too.
   */
  const passes = (log: CampaignLog, { epoch, version, tail }: Head): boolean => {
    if (log.head.epoch !== epoch || version > log.head.version) return false;
    if (version === log.head.version) return log.head.tail === tail;
    const [behind] = readAfter(log, version, 1);
    return behind === undefined || behind.tail === nextTail(tail, behind.bytes);
  };

  const forget = (campaignId: string, log: CampaignLog): void => {
    backlogEntries -= log.head.version - log.durableVersion;
    waiting.delete(campaignId);
    campaigns.delete(campaignId);
  };

  return {
    open: (campaignId, generation, archived, listener) =>
      call((): OpenedLog => {
        const log = campaigns.get(campaignId);
        if (log?.generation !== generation || !passes(log, archived)) return { kind: 'absent' };
        const entries = readAfter(log, archived.version, Number.POSITIVE_INFINITY);
        if (entries.length !== log.head.version - archived.version) return { kind: 'stale-archive' };
        log.listener = listener;
        return { kind: 'opened', head: log.head, durableVersion: log.durableVersion, entries };
      }),

    seed: (campaignId, generation, head) =>
      call(() => {
        const log = campaigns.get(campaignId);
        if (log && log.generation >= generation) return;
        if (log) forget(campaignId, log);
        campaigns.set(campaignId, { generation, head, durableVersion: head.version, entries: [], listener: undefined });
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
      forget(campaignId, log);
      return Promise.resolve(true);
    },

    append: (campaignId, expected, entries) =>
      call((): AppendResult => {
        const log = campaigns.get(campaignId);
        if (!log || !passes(log, expected)) return { kind: 'lost' };
        if (log.head.version !== expected.version) {
          return { kind: 'conflict', entries: readAfter(log, expected.version, Number.POSITIVE_INFINITY) };
        }
        const last = entries.at(-1);
        if (!last) return { kind: 'appended' };
        log.entries.push(...entries);
        log.head = { epoch: expected.epoch, version: last.record.version, tail: last.tail };
        backlogEntries += entries.length;
        waiting.add(campaignId);
        for (const sealed of entries) log.listener?.({ kind: 'entry', sealed });
        for (const wake of wakers) wake();
        return { kind: 'appended' };
      }),

    read(campaignId, afterVersion, limit) {
      const log = campaigns.get(campaignId);
      return Promise.resolve(log ? readAfter(log, afterVersion, limit) : []);
    },

    pending(limit, except) {
      const found: PendingEntries[] = [];
      let room = limit;
      for (const campaignId of waiting) {
        if (room <= 0) break;
        const log = campaigns.get(campaignId);
        if (!log || except?.has(campaignId)) continue;
        const entries = readAfter(log, log.durableVersion, room);
        room -= entries.length;
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
      // Whoever still waits goes to the end, so that one busy campaign cannot keep the archiver from the others.
      waiting.delete(campaignId);
      if (upTo < log.head.version) waiting.add(campaignId);
      trim(log);
      log.listener?.({ kind: 'durable', epoch, version: upTo });
      return Promise.resolve();
    },

    onPending(wake) {
      wakers.add(wake);
    },

    backlog() {
      // The first to wait has waited longest, but for the rest of a busy campaign: near enough for a gauge, and it
      // costs nothing.
      const [first] = waiting;
      const log = first === undefined ? undefined : campaigns.get(first);
      const oldestAt = log && readAfter(log, log.durableVersion, 1)[0]?.record.at;
      return { entries: backlogEntries, oldestAt };
    },

    failing: false,
    clockOffset: 0,
    shared: false,

    handOver: () => Promise.resolve(),

    stop() {
      stopped = true;
      campaigns.clear();
      waiting.clear();
      wakers.clear();
      return Promise.resolve();
    },
  };
}
