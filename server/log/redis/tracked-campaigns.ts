import type { SealedEntry } from '../../core/stream/log-record.ts';
import { emptyLockTable, type LockTable } from '../../core/locks/lock-table.ts';
import type { Clock, LogEvent } from '../../engine/ports.ts';
import type { CampaignKeys } from './keys.ts';

/** What this instance has received of a campaign that it hosts. */
export interface TrackedCampaign {
  readonly campaignId: string;
  readonly keys: CampaignKeys;
  readonly generation: number;
  /** The newest version that the listener has received, in whichever way. */
  version: number;
  /** The newest watermark that it has received. */
  durable: number;
  /** The newest lock table that it has received. */
  locks: LockTable;
  /** Whether the log holds the campaign as it was asked for; until then it is not told `reset`. */
  opened: boolean;
  /** Of the engine: `hosting/log-follower.ts`. */
  readonly listener: (event: LogEvent) => void;
}

/** The campaigns that this instance hosts, and the count of their entries that are not durable. */
export interface TrackedCampaigns {
  get(campaignId: string): TrackedCampaign | undefined;
  byChannel(channel: string): TrackedCampaign | undefined;
  all(): TrackedCampaign[];
  channels(): string[];
  /** Tracks a campaign, in the place of what was known of it. */
  add(campaignId: string, generation: number, version: number, listener: (event: LogEvent) => void): TrackedCampaign;
  remove(campaign: TrackedCampaign): void;
  /** Moves head and watermark, forward only; `at` is the time of the first new entry. */
  advance(campaign: TrackedCampaign, version: number, durable: number, at?: number): void;
  /** Every entry and watermark reaches the listener through these two, so that it is known what it has received. */
  receiveEntry(campaign: TrackedCampaign, sealed: SealedEntry): void;
  receiveDurable(campaign: TrackedCampaign, epoch: string, version: number): void;
  /** The listener is told where the table is newer than the one before. */
  publishLocks(campaign: TrackedCampaign, table: LockTable): void;
  backlog(): { entries: number; oldestAt: number | undefined };
  clear(): void;
}

/** An empty set of tracked campaigns. */
export function createTrackedCampaigns(
  keysOf: (campaignId: string) => CampaignKeys,
  clock: Pick<Clock, 'now'>,
): TrackedCampaigns {
  const campaigns = new Map<string, TrackedCampaign>();
  const channels = new Map<string, TrackedCampaign>();
  /** Campaigns with entries that are not durable, and since when, in that order. */
  const waitingSince = new Map<string, number>();
  let backlogEntries = 0;

  const notDurable = ({ version, durable }: TrackedCampaign): number => Math.max(0, version - durable);

  const remove = (campaign: TrackedCampaign): void => {
    if (campaigns.get(campaign.campaignId) !== campaign) return;
    backlogEntries -= notDurable(campaign);
    waitingSince.delete(campaign.campaignId);
    campaigns.delete(campaign.campaignId);
    channels.delete(campaign.keys.channel);
  };

  const advance: TrackedCampaigns['advance'] = (campaign, version, durable, at = clock.now()) => {
    const before = notDurable(campaign);
    campaign.version = Math.max(campaign.version, version);
    campaign.durable = Math.max(campaign.durable, durable);
    if (campaigns.get(campaign.campaignId) !== campaign) return;
    const after = notDurable(campaign);
    backlogEntries += after - before;
    if (after === 0) waitingSince.delete(campaign.campaignId);
    else if (!waitingSince.has(campaign.campaignId)) waitingSince.set(campaign.campaignId, at);
  };

  return {
    get: (campaignId) => campaigns.get(campaignId),
    byChannel: (channel) => channels.get(channel),
    all: () => [...campaigns.values()],
    channels: () => [...channels.keys()],

    add(campaignId, generation, version, listener) {
      const previous = campaigns.get(campaignId);
      if (previous) remove(previous);
      const keys = previous?.keys ?? keysOf(campaignId);
      const campaign: TrackedCampaign = {
        campaignId,
        keys,
        generation,
        version,
        durable: version,
        locks: emptyLockTable(generation),
        opened: false,
        listener,
      };
      campaigns.set(campaignId, campaign);
      channels.set(keys.channel, campaign);
      return campaign;
    },

    remove,
    advance,

    receiveEntry(campaign, sealed) {
      advance(campaign, sealed.record.version, campaign.durable, sealed.record.at);
      campaign.listener({ kind: 'entry', sealed });
    },

    receiveDurable(campaign, epoch, version) {
      if (version <= campaign.durable) return;
      advance(campaign, campaign.version, version);
      campaign.listener({ kind: 'durable', epoch, version });
    },

    publishLocks(campaign, table) {
      if (table.revision <= campaign.locks.revision) return;
      campaign.locks = table;
      if (campaigns.get(campaign.campaignId) === campaign) campaign.listener({ kind: 'locks', table });
    },

    backlog() {
      const [oldestAt] = waitingSince.values();
      return { entries: backlogEntries, oldestAt };
    },

    clear() {
      campaigns.clear();
      channels.clear();
      waitingSince.clear();
      backlogEntries = 0;
    },
  };
}
