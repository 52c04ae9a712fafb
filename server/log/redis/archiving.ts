import type { Clock, OrderedLog, PendingEntries } from '../../engine/ports.ts';
import type { TrackedCampaigns } from './tracked-campaigns.ts';
import { dirtyKey, partitionOf, PARTITIONS, type CampaignKeys } from './keys.ts';
import { asList, asText, asVersion, RELEASED, toEntries } from './replies.ts';
import type { RunForEach } from './run-for-each.ts';
import type { RunScript } from './run-script.ts';
import { DURABLE, ORPHANS, RELEASE, TAKE } from './scripts.ts';

export interface ArchivingOptions {
  namespace: string;
  /** Names this instance in leases. */
  instance: string;
  clock: Pick<Clock, 'now'>;
  /** Durable entries that stay in the log, to repair gaps. */
  keepDurable: number;
  hosted: TrackedCampaigns;
  run: RunScript;
  runForEach: RunForEach;
  keysOf(campaignId: string): CampaignKeys;
  publish(channel: string, message: string): Promise<unknown>;
}

/** Which campaigns this instance carries into the archive, and what of them waits. */
export interface Archiving extends Pick<OrderedLog, 'pending' | 'markDurable' | 'onPending' | 'handOver'> {
  /** An append was answered: up to that version the campaign waits for whoever holds its lease. */
  appended(campaignId: string, version: number, holder: unknown): void;
  /** An entry was heard. */
  heard(campaignId: string, version: number): void;
  /** Whoever archived the campaign has gone, and it waits up to that version: whoever asks first takes it over. */
  released(campaignId: string, version: number): void;
  /** The campaign is hosted no more. */
  release(campaignId: string): void;
  /** Campaigns whose archiver has gone wait in their partition; whoever looks first takes them over. */
  findOrphans(): Promise<void>;
  stop(): void;
}

/**
 * How long an instance archives a campaign alone, once it has appended to it, in milliseconds: longer than a commit
 * takes.
 */
export const LEASE_MS = 5_000;
/** Campaigns that wait for so long are archived by whoever sees them, in milliseconds. */
const ORPHANED_MS = 3_000;
/** Campaigns read at once for the archiver: enough for a full batch of small changes. */
const TAKE_AT_ONCE = 200;
/** The version up to which a campaign waits, where that is not known: it is read again. */
const UNKNOWN = Number.POSITIVE_INFINITY;

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
  /**
   * Campaigns that this instance archives, because it appended to them or found them waiting; up to which version, as
   * far as is known.
   */
  const waiting = new Map<string, number>();
  /** Until when this instance archives a campaign alone, by its own clock: a hint, the lease itself is in Redis. */
  const leases = new Map<string, number>();
  const wakers = new Set<() => void>();

  const waitsUpTo = (campaignId: string, version: number): void => {
    waiting.set(campaignId, Math.max(version, waiting.get(campaignId) ?? 0));
  };

  const archiveSoon = (campaignId: string, version: number): void => {
    waitsUpTo(campaignId, version);
    for (const wake of wakers) wake();
  };

  const take = async (campaignId: string, limit: number): Promise<PendingEntries> => {
    const { meta, log } = keysOf(campaignId);
    const [mine, entries] = asList('TAKE', await run(TAKE, [meta, log], [instance, String(LEASE_MS), String(limit)]));
    const pending = mine === 1 ? toEntries('TAKE', entries) : [];
    if (mine === 1 && (pending.length > 0 || hosted.get(campaignId))) leases.set(campaignId, clock.now() + LEASE_MS);
    else leases.delete(campaignId);
    return { campaignId, entries: pending };
  };

  return {
    appended(campaignId, version, holder) {
      if (holder !== instance) return;
      leases.set(campaignId, clock.now() + LEASE_MS);
      archiveSoon(campaignId, version);
    },

    heard(campaignId, version) {
      // Written by another instance, which leaves the archiving to us for as long as we hold the lease.
      if ((leases.get(campaignId) ?? 0) > clock.now()) archiveSoon(campaignId, version);
    },

    released: archiveSoon,

    release: (campaignId) => void leases.delete(campaignId),

    async handOver() {
      const groups = [...Map.groupBy(leases.keys(), partitionOf).values()];
      leases.clear();
      const waits = await runForEach(
        RELEASE,
        groups.map((ids) => ids.map((campaignId) => keysOf(campaignId).meta)),
        [instance],
      );
      const left = groups.flat().filter((_, index) => waits[index] === 1);
      await Promise.all(left.map((campaignId) => publish(keysOf(campaignId).channel, RELEASED)));
    },

    async findOrphans() {
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => [dirtyKey(namespace, partition)]);
      const found = await runForEach(ORPHANS, partitions, [String(ORPHANED_MS), String(TAKE_AT_ONCE)]);
      for (const id of found.flatMap((ids) => asList('ORPHANS', ids))) archiveSoon(asText('ORPHANS', id), UNKNOWN);
    },

    async pending(limit, except) {
      const ids = [...waiting.keys()].filter((campaignId) => !except?.has(campaignId)).slice(0, TAKE_AT_ONCE);
      // Taken off first: what is appended from here on puts them back.
      for (const campaignId of ids) waiting.delete(campaignId);
      const found: PendingEntries[] = [];
      let room = limit;
      try {
        const taken = (await Promise.all(ids.map((campaignId) => take(campaignId, limit)))).filter(
          ({ entries }) => entries.length > 0,
        );
        // By age: who has waited longest goes first, whatever has woken whom meanwhile.
        for (const { campaignId, entries } of taken.toSorted(byAge)) {
          waitsUpTo(campaignId, entries.length < limit ? (entries.at(-1)?.record.version ?? 0) : UNKNOWN);
          const part = entries.slice(0, room);
          room -= part.length;
          if (part.length > 0) found.push({ campaignId, entries: part });
        }
        return found;
      } catch (error) {
        for (const campaignId of ids) waitsUpTo(campaignId, UNKNOWN);
        throw error;
      }
    },

    async markDurable(campaignId, epoch, version) {
      const { meta, log, dirty, channel } = keysOf(campaignId);
      const keepFrom = `${Math.max(1, version - keepDurable + 1)}-0`;
      const moved = await run(DURABLE, [meta, log, dirty], [epoch, String(version), campaignId, channel, keepFrom]);
      const waitsTo = waiting.get(campaignId);
      waiting.delete(campaignId);
      const durable = moved === '' ? 0 : asVersion('DURABLE', moved);
      // Whoever still waits goes to the end, so that one busy campaign cannot keep the archiver from the others.
      if (waitsTo !== undefined && waitsTo > durable) waiting.set(campaignId, waitsTo);
      const campaign = hosted.get(campaignId);
      if (campaign && durable > 0) hosted.tellDurable(campaign, epoch, durable);
    },

    onPending(wake) {
      wakers.add(wake);
    },

    stop() {
      wakers.clear();
    },
  };
}

function byAge(a: PendingEntries, b: PendingEntries): number {
  return (a.entries[0]?.record.at ?? 0) - (b.entries[0]?.record.at ?? 0);
}
