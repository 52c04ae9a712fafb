import type { AppendResult, Head, LogEvent, OpenedLog, OrderedLog, PendingEntries, SealedEntry } from '../engine/ports.ts';

/** One campaign's log: its head, and its entries from the watermark on. */
interface CampaignLog {
  head: Head;
  durableVersion: number;
  /** Entries after `durableVersion`, and before that a tail for gap repair: contiguous, the last one is at `head.version`. */
  entries: SealedEntry[];
  listener: ((event: LogEvent) => void) | undefined;
}

export interface MemoryLogOptions {
  /** How many durable entries stay, for readers that repair a gap. Default 0: in one process nobody has gaps. */
  keepDurable?: number;
}

/**
 * The log of one process: the in-memory twin of the Redis log, and the embedded one. An append is answered before its entries are
 * published, and both happen before anything else of that campaign.
 */
export function createMemoryLog({ keepDurable = 0 }: MemoryLogOptions = {}): OrderedLog {
  const campaigns = new Map<string, CampaignLog>();
  /** Campaigns with entries that are not durable, in the order in which they came to be so. */
  const waiting = new Set<string>();
  const wakers = new Set<() => void>();
  let backlogEntries = 0;

  const trim = (log: CampaignLog): void => {
    const durable = log.durableVersion - (log.head.version - log.entries.length);
    if (durable > keepDurable) log.entries.splice(0, durable - keepDurable);
  };

  const readAfter = (log: CampaignLog, version: number, limit: number): SealedEntry[] => {
    const first = log.head.version - log.entries.length;
    return version < first ? [] : log.entries.slice(version - first, version - first + limit);
  };

  return {
    open(campaignId, archived, listener): Promise<OpenedLog> {
      let log = campaigns.get(campaignId);
      if (!log) {
        log = { head: archived, durableVersion: archived.version, entries: [], listener: undefined };
        campaigns.set(campaignId, log);
      }
      log.listener = listener;
      const entries = readAfter(log, archived.version, Number.POSITIVE_INFINITY);
      return Promise.resolve({ head: log.head, durableVersion: log.durableVersion, entries });
    },

    close(campaignId, { forget }) {
      const log = campaigns.get(campaignId);
      if (log) log.listener = undefined;
      if (forget && !waiting.has(campaignId)) campaigns.delete(campaignId);
      return Promise.resolve();
    },

    append(campaignId, expected, entries): Promise<AppendResult> {
      const log = campaigns.get(campaignId);
      if (!log || log.head.epoch !== expected.epoch) return Promise.resolve({ kind: 'lost' });
      if (log.head.version !== expected.version || log.head.tail !== expected.tail) {
        const missing = readAfter(log, expected.version, Number.POSITIVE_INFINITY);
        return Promise.resolve(missing.length > 0 ? { kind: 'conflict', entries: missing } : { kind: 'lost' });
      }
      const last = entries.at(-1);
      if (!last) return Promise.resolve({ kind: 'appended' });
      log.entries.push(...entries);
      log.head = { epoch: expected.epoch, version: last.record.version, tail: last.tail };
      backlogEntries += entries.length;
      waiting.add(campaignId);
      for (const sealed of entries) log.listener?.({ kind: 'entry', sealed });
      for (const wake of wakers) wake();
      return Promise.resolve({ kind: 'appended' });
    },

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
      // The first to wait has waited longest, but for the rest of a busy campaign: near enough for a gauge, and it costs nothing.
      const [first] = waiting;
      const log = first === undefined ? undefined : campaigns.get(first);
      const oldestAt = log && readAfter(log, log.durableVersion, 1)[0]?.record.at;
      return { entries: backlogEntries, oldestAt };
    },

    failing: false,

    stop() {
      campaigns.clear();
      waiting.clear();
      wakers.clear();
      return Promise.resolve();
    },
  };
}
