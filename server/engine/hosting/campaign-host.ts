import { asError, RefusalError } from '../../core/errors.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import { createMutationQueue, type MutationQueue, type MutationQueueOptions } from '../writes/mutation-queue.ts';
import { createLogFollower, type LoadedCampaign, type LogFollowerOptions } from './log-follower.ts';
import { createRelayedViewers, type RelayedViewers } from './relayed-viewers.ts';

/** A campaign that is in memory or is being loaded. Its queue takes mutations before it is loaded. */
export interface HostedCampaign {
  readonly id: string;
  readonly loaded: Promise<LoadedCampaign>;
  readonly queue: MutationQueue;
  /** When it was last asked for or watched, in epoch milliseconds. */
  lastUsed: number;
}

export interface CampaignHostOptions
  extends
    Omit<LogFollowerOptions, 'isNeeded' | 'onGone'>,
    Omit<MutationQueueOptions<LoadedCampaign>, 'applyEntry' | 'reload' | 'isClosed'> {
  /** Time without use after which a campaign is evicted, in milliseconds; `CAMPAIGN_IDLE_TTL`. */
  idleTtl: number;
  /** Campaigns in memory, at most; `Infinity` where the archive can load evicted ones again. */
  maxLoaded: number;
  /** Whether a campaign stays in memory for those who wait for its locks or watch them. */
  isAttended(campaignId: string): boolean;
  /** A campaign was deleted that was in memory: whatever else is known of it is to be forgotten. */
  onDeleted(campaignId: string): void;
}

/** The campaigns in memory: loaded on demand, and evicted once they are idle and all of their entries are durable. */
export interface CampaignHost {
  /**
   * The campaign of that id; it is loaded where it is not in memory.
   *
   * @throws RefusalError `OVERLOADED` where `maxLoaded` campaigns are in memory
   */
  host(campaignId: string): HostedCampaign;
  /** Whether the campaign is in memory or is being loaded, so that `host` does not read the archive. */
  holds(campaignId: string): boolean;
  /** The campaign, if it is loaded. */
  peek(campaignId: string): LoadedCampaign | undefined;
  /** Loaded campaigns. */
  readonly size: number;
  /** Subscribers of all campaigns, relays included. */
  subscribers(): number;
  /** Readers of a campaign whose streams are open on this instance, or at its relays. */
  viewers(campaignId: string): number;
  readonly relayedViewers: RelayedViewers;
  /** Bytes of the entries in memory that are not durable, over all campaigns. */
  readonly unsavedBytes: number;
  /** When the watermark of any campaign moved last, in epoch milliseconds. */
  readonly lastDurableAt: number | undefined;
  /** The loaded campaigns. */
  loaded(): Iterable<LoadedCampaign>;
  /** Reads and applies the entries that the log has beyond what this instance knows of a campaign. */
  catchUp(campaign: LoadedCampaign): Promise<void>;
  /**
   * Loads a campaign again from archive and log.
   *
   * @throws RefusalError `UNAVAILABLE` where these do not answer
   */
  reload(campaign: LoadedCampaign): Promise<void>;
  /**
   * Entries of a campaign were redacted: where it is in memory, or is being loaded, it is loaded anew.
   *
   * @throws RefusalError as `reload`
   */
  forget(campaignId: string): Promise<void>;
  /** Ends a campaign that was deleted: nothing of it stays in memory, and everybody who waits for it is told. */
  end(campaign: LoadedCampaign, refusal: RefusalError): void;
  /** Resolves once no queue holds a mutation, or after that many milliseconds. */
  whenQueuesEmpty(timeoutMs: number): Promise<void>;
  /**
   * Captures the heads of all campaigns.
   *
   * @returns whether everything up to these heads is durable; entries that came later do not count
   */
  captureHeads(): () => boolean;
  /** Stops appending and evicting. */
  stop(): void;
}

/** Bounds of the interval between two looks for idle campaigns, in milliseconds; within them a quarter of the TTL. */
const SWEEP_MS = { shortest: 100, longest: 60_000 } as const;
/** Interval at which the queues are looked at while the server stops, in milliseconds. */
const QUEUE_POLL_MS = 5;

export function createCampaignHost(options: CampaignHostOptions): CampaignHost {
  const { log, archive, clock, observer, idleTtl, maxLoaded } = options;
  const hosted = new Map<string, HostedCampaign>();
  const loadedById = new Map<string, LoadedCampaign>();
  /** Evicted campaigns that are leaving the log; they can be loaded again only after that. */
  const leaving = new Map<string, Promise<void>>();
  const relayedViewers = createRelayedViewers();
  let stopped = false;

  /** Takes a campaign out of memory that was deleted. */
  function drop(campaign: LoadedCampaign): void {
    const { id } = campaign.live;
    if (loadedById.get(id) !== campaign) return;
    hosted.delete(id);
    loadedById.delete(id);
    const closed = log.close(id, { leave: false }).then(
      () => undefined,
      (cause: unknown) => observer.failed?.({ what: 'eviction', campaignId: id, error: asError(cause) }),
    );
    // Another campaign of its id may be there already; it is opened after this.
    leaving.set(
      id,
      closed.finally(() => leaving.delete(id)),
    );
    options.onDeleted(id);
    observer.evicted?.(id);
  }

  const follower = createLogFollower({
    ...options,
    isNeeded: (campaign) => !stopped && loadedById.get(campaign.live.id) === campaign,
    onGone: drop,
  });

  const load = async (campaignId: string): Promise<LoadedCampaign> => {
    await leaving.get(campaignId);
    return follower.load(campaignId, (campaign) => {
      loadedById.set(campaignId, campaign);
      observer.loaded?.(campaignId);
    });
  };

  const host = (campaignId: string): HostedCampaign => {
    const present = hosted.get(campaignId);
    if (present) {
      present.lastUsed = clock.now();
      return present;
    }
    if (hosted.size >= maxLoaded) {
      throw new RefusalError(
        'OVERLOADED',
        `${hosted.size} campaigns are in memory, the most that CAMPAIGN_MAX_LOADED allows`,
        { limit: maxLoaded },
      );
    }
    const loaded = load(campaignId);
    const queue = createMutationQueue(loaded, {
      ...options,
      applyEntry: follower.applyEntry,
      reload: follower.reload,
      isClosed: () => stopped,
    });
    const campaign: HostedCampaign = { id: campaignId, loaded, queue, lastUsed: clock.now() };
    hosted.set(campaignId, campaign);
    // Whoever awaits `loaded` gets the error; the next call to `host` tries again.
    loaded.catch(() => {
      hosted.delete(campaignId);
      loadedById.delete(campaignId);
    });
    return campaign;
  };

  /**
   * A failure half-way leaves the membership active. The next load then begins a new epoch: costly, but never wrong.
   */
  const leaveLog = async (live: LiveCampaign): Promise<void> => {
    if (await log.close(live.id, { leave: true })) await archive.leaveLog(live.id, live.generation);
  };

  const evictIdle = (): void => {
    const idleSince = clock.now() - idleTtl;
    for (const campaign of hosted.values()) {
      const loaded = loadedById.get(campaign.id);
      if (!loaded || follower.isReloading(campaign.id) || campaign.lastUsed > idleSince || campaign.queue.length > 0)
        continue;
      const { live, fanOut } = loaded;
      // A campaign counts as used while it is watched: readers that have lost their connection are about to come back.
      if (fanOut.size > 0 || options.isAttended(live.id)) campaign.lastUsed = clock.now();
      // With the campaign its locks would leave the log.
      if (live.locks.rows.some(({ expiresAt }) => expiresAt > clock.now() - log.clockOffset)) continue;
      if (
        fanOut.size > 0 ||
        options.isAttended(live.id) ||
        live.watermark.waiting > 0 ||
        live.watermark.version < live.head.version
      )
        continue;
      hosted.delete(campaign.id);
      loadedById.delete(campaign.id);
      const left = leaveLog(live).catch((cause: unknown) => {
        observer.failed?.({ what: 'eviction', campaignId: live.id, error: asError(cause) });
      });
      leaving.set(
        campaign.id,
        left.finally(() => leaving.delete(campaign.id)),
      );
      observer.evicted?.(campaign.id);
    }
    cancelSweep = clock.after(sweepInterval, evictIdle);
  };

  const sweepInterval = Math.max(SWEEP_MS.shortest, Math.min(idleTtl / 4, SWEEP_MS.longest));
  let cancelSweep = clock.after(sweepInterval, evictIdle);

  return {
    host,
    holds: (campaignId) => hosted.has(campaignId),
    peek: (campaignId) => loadedById.get(campaignId),
    get size() {
      return loadedById.size;
    },
    get unsavedBytes() {
      return follower.unsavedBytes;
    },
    get lastDurableAt() {
      return follower.lastDurableAt;
    },
    loaded: () => loadedById.values(),
    catchUp: follower.catchUp,
    reload: follower.reload,
    end: follower.end,
    async forget(campaignId) {
      // What cannot be loaded is not in memory, and what is gone is not needed there.
      const campaign = await hosted.get(campaignId)?.loaded.catch(() => undefined);
      if (campaign && !campaign.live.gone) await follower.forget(campaign);
    },
    subscribers() {
      let sum = 0;
      for (const { fanOut } of loadedById.values()) sum += fanOut.size;
      return sum;
    },
    async whenQueuesEmpty(timeoutMs) {
      const until = clock.now() + timeoutMs;
      while (clock.now() < until && [...hosted.values()].some(({ queue }) => queue.length > 0)) {
        await new Promise<void>((resolve) => clock.after(QUEUE_POLL_MS, resolve));
      }
    },
    viewers: (campaignId) => (loadedById.get(campaignId)?.fanOut.viewers ?? 0) + relayedViewers.of(campaignId),
    relayedViewers,
    captureHeads() {
      const heads = [...loadedById.values()].map(({ live }) => ({ live, head: live.head }));
      // Where an epoch has ended since, callers have been told what was lost, and there is nothing to wait for.
      return () =>
        heads.every(({ live, head }) => live.head.epoch !== head.epoch || live.watermark.version >= head.version);
    },
    stop() {
      stopped = true;
      cancelSweep();
    },
  };
}
