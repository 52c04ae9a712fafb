import type { Clock, OrderedLog, PendingEntries } from '../../engine/ports.ts';
import type { TrackedCampaigns } from './tracked-campaigns.ts';
import { dirtyKey, partitionOf, PARTITIONS, type CampaignKeys } from './keys.ts';
import { RELEASED, toEntries } from './replies/publications.ts';
import { asList, asText, asVersion } from './replies/values.ts';
import type { RunForEach } from './run-for-each.ts';
import type { RunScript } from './run-script.ts';
import { CLAIM, DURABLE, ORPHANS, RELEASE } from './scripts/archiving.ts';

export interface ArchivingOptions {
  readonly namespace: string;
  /** Names this instance in leases. */
  readonly instance: string;
  readonly clock: Pick<Clock, 'now'>;
  /** Durable entries that stay in the log, to repair gaps. */
  readonly keepDurable: number;
  readonly hosted: TrackedCampaigns;
  readonly run: RunScript;
  readonly runForEach: RunForEach;
  keysOf(campaignId: string): CampaignKeys;
  publish(channel: string, message: string): Promise<unknown>;
}

/** Which campaigns this instance archives, and what of them is not durable. */
export interface Archiving extends Pick<OrderedLog, 'pending' | 'markDurable' | 'onPending' | 'handOver'> {
  /** An append was answered: up to that version the campaign waits for the holder of its lease. */
  onAppended(campaignId: string, version: number, holder: unknown): void;
  /** An entry of another instance was received. */
  onEntry(campaignId: string, version: number): void;
  /** The archiver of the campaign has given its lease up; entries up to that version wait for whoever claims it. */
  onReleased(campaignId: string, version: number): void;
  /** The campaign is hosted no more. */
  onClosed(campaignId: string): void;
  /** Looks for campaigns whose archiver has died or is late; whoever finds one claims it. */
  findOrphans(): Promise<void>;
  /**
   * Since when the oldest campaign waits that `findOrphans` has found, whichever instance hosts it; epoch milliseconds.
   */
  readonly oldestOrphanAt: number | undefined;
  stop(): void;
}

/** The archiving lease of a campaign, renewed by each append, in milliseconds: longer than a commit takes. */
export const LEASE_MS = 5_000;
/** A campaign that has not been durable for so long is archived by whoever finds it, in milliseconds. */
const ORPHAN_AGE_MS = 3_000;
/** Campaigns claimed in one call of `pending`: enough for a full batch of small changes. */
const MAX_CAMPAIGNS_PER_CLAIM = 200;
/** The version up to which a campaign waits, where that is not known: it is read again. */
const UNKNOWN_VERSION = Number.POSITIVE_INFINITY;

/**
 * Archiving leases: which instance carries a campaign's entries into the archive.
 *
 * The instance that appends to a campaign holds a lease on it for five seconds, so that entries of other writers go
 * into the same transactions and no two instances do the same work. A campaign that waits for three seconds is an
 * orphan, and is claimed by whoever sees it. An instance that stops in order gives its leases up and tells the others.
 *
 * Invariant: none is needed. Two archivers of one campaign are harmless, as the archive guards each commit by `(epoch,
 * version)` and the watermark only moves forward. Leases therefore need no fencing token, and a lost one costs time
 * alone.
 *
 * What waits is read once and marked once: for each campaign it is known up to which version it waits, so that nothing
 * is asked again until something new comes. Rejected: one archiver elected for the namespace, whose every failure would
 * delay all campaigns; and consumer groups of Redis Streams, which acknowledge entry by entry and cannot be trimmed by
 * a watermark.
 */
export function createArchiving({
  namespace,
  instance,
  clock,
  keepDurable,
  hosted,
  run,
  runForEach,
  keysOf,
  publish,
}: ArchivingOptions): Archiving {
  /** Campaigns that wait for this instance, and up to which version, as far as is known. */
  const waiting = new Map<string, number>();
  /** Until when this instance holds a lease, by its own clock: a hint, the lease itself is in Redis. */
  const leases = new Map<string, number>();
  const pendingListeners = new Set<() => void>();
  let oldestOrphanAt: number | undefined;

  const addWaiting = (campaignId: string, version: number): void => {
    waiting.set(campaignId, Math.max(version, waiting.get(campaignId) ?? 0));
  };

  const archiveSoon = (campaignId: string, version: number): void => {
    addWaiting(campaignId, version);
    for (const listener of pendingListeners) listener();
  };

  const claim = async (campaignId: string, limit: number): Promise<PendingEntries> => {
    const { meta, log } = keysOf(campaignId);
    const reply = await run(CLAIM, [meta, log], [instance, String(LEASE_MS), String(limit)]);
    const [claimed, list] = asList('CLAIM', reply);
    const entries = claimed === 1 ? toEntries('CLAIM', list) : [];
    if (claimed === 1 && (entries.length > 0 || hosted.get(campaignId))) leases.set(campaignId, clock.now() + LEASE_MS);
    else leases.delete(campaignId);
    return { campaignId, entries };
  };

  return {
    onAppended(campaignId, version, holder) {
      if (holder !== instance) return;
      leases.set(campaignId, clock.now() + LEASE_MS);
      archiveSoon(campaignId, version);
    },

    onEntry(campaignId, version) {
      // Its writer leaves the archiving to this instance for as long as it holds the lease.
      if ((leases.get(campaignId) ?? 0) > clock.now()) archiveSoon(campaignId, version);
    },

    onReleased: archiveSoon,

    onClosed: (campaignId) => void leases.delete(campaignId),

    async handOver() {
      const groups = [...Map.groupBy(leases.keys(), partitionOf).values()];
      leases.clear();
      const replies = await runForEach(
        RELEASE,
        groups.map((ids) => ids.map((campaignId) => keysOf(campaignId).meta)),
        [instance],
      );
      const notDurable = groups.flat().filter((_, index) => replies[index] === 1);
      await Promise.all(notDurable.map((campaignId) => publish(keysOf(campaignId).channel, RELEASED)));
    },

    async findOrphans() {
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => [dirtyKey(namespace, partition)]);
      const found = await runForEach(ORPHANS, partitions, [String(ORPHAN_AGE_MS), String(MAX_CAMPAIGNS_PER_CLAIM)]);
      oldestOrphanAt = undefined;
      for (const partition of found) {
        const [since, ...ids] = asList('ORPHANS', partition);
        if (since === undefined) continue;
        oldestOrphanAt = Math.min(asVersion('ORPHANS', since), oldestOrphanAt ?? Number.POSITIVE_INFINITY);
        for (const id of ids) archiveSoon(asText('ORPHANS', id), UNKNOWN_VERSION);
      }
    },

    get oldestOrphanAt() {
      return oldestOrphanAt;
    },

    async pending(limit, except) {
      const ids = [...waiting.keys()]
        .filter((campaignId) => !except?.has(campaignId))
        .slice(0, MAX_CAMPAIGNS_PER_CLAIM);
      // Removed before they are read: what is appended from here on adds them again.
      for (const campaignId of ids) waiting.delete(campaignId);
      const found: PendingEntries[] = [];
      let remaining = limit;
      try {
        const claimed = await Promise.all(ids.map((campaignId) => claim(campaignId, limit)));
        const nonEmpty = claimed.filter(({ entries }) => entries.length > 0);
        // The one that has waited longest goes first, whatever came last.
        for (const { campaignId, entries } of nonEmpty.toSorted(byAge)) {
          addWaiting(campaignId, entries.length < limit ? (entries.at(-1)?.record.version ?? 0) : UNKNOWN_VERSION);
          const batch = entries.slice(0, remaining);
          remaining -= batch.length;
          if (batch.length > 0) found.push({ campaignId, entries: batch });
        }
        return found;
      } catch (error) {
        for (const campaignId of ids) addWaiting(campaignId, UNKNOWN_VERSION);
        throw error;
      }
    },

    async markDurable(campaignId, epoch, version) {
      const { meta, log, dirty, channel } = keysOf(campaignId);
      const oldestKept = `${Math.max(1, version - keepDurable + 1)}-0`;
      const moved = await run(DURABLE, [meta, log, dirty], [epoch, String(version), campaignId, channel, oldestKept]);
      const waitsUpTo = waiting.get(campaignId);
      waiting.delete(campaignId);
      const durable = moved === '' ? 0 : asVersion('DURABLE', moved);
      // A campaign that still waits goes to the end, so that a busy one cannot keep the archiver from the others.
      if (waitsUpTo !== undefined && waitsUpTo > durable) waiting.set(campaignId, waitsUpTo);
      const campaign = hosted.get(campaignId);
      if (campaign && durable > 0) hosted.receiveDurable(campaign, epoch, durable);
    },

    onPending(listener) {
      pendingListeners.add(listener);
    },

    stop() {
      pendingListeners.clear();
    },
  };
}

function byAge(a: PendingEntries, b: PendingEntries): number {
  return (a.entries[0]?.record.at ?? 0) - (b.entries[0]?.record.at ?? 0);
}
