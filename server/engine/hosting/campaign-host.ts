import { asError, RefusalError } from '../../core/errors.ts';
import { createLogFollower, type LogFollowerOptions, type LoadedCampaign } from './log-follower.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import { createMutationQueue, type MutationQueue, type MutationQueueOptions } from '../writes/mutation-queue.ts';

/** A campaign that this instance hosts, or is about to: mutations take their place in its queue before it is loaded. */
export interface HostedCampaign {
  readonly id: string;
  readonly loaded: Promise<LoadedCampaign>;
  readonly queue: MutationQueue;
  lastUsed: number;
}

export interface CampaignHostOptions
  extends
    Omit<LogFollowerOptions, 'isNeeded'>,
    Omit<MutationQueueOptions<LoadedCampaign>, 'reload' | 'deliver' | 'isClosed'> {
  /** `CAMPAIGN_IDLE_TTL`, in milliseconds. */
  idleTtl: number;
  /** Campaigns in memory at most; `Infinity` where the archive can take back those that are idle. */
  maxLoaded: number;
}

/** The campaigns in memory: loaded when someone asks, let go when nobody has for a while and all of them is durable. */
export interface CampaignHost {
  host(campaignId: string): HostedCampaign;
  /** Whether it is in memory, or on its way there: then `host` asks nothing of the archive. */
  holds(campaignId: string): boolean;
  /** A loaded campaign, if it is in memory. */
  peek(campaignId: string): LoadedCampaign | undefined;
  readonly size: number;
  subscribers(): number;
  /** Bytes of entries in memory that are not durable. */
  readonly unsavedBytes: number;
  /** Reads what the log has beyond what this instance knows of a campaign. */
  catchUp(campaign: LoadedCampaign): Promise<void>;
  /** Resolves once no queue holds a mutation, or after that many milliseconds. */
  settled(patience: number): Promise<void>;
  /**
   * Asks whether everything that is in memory now has been committed since; what others append later does not count.
   */
  untilSaved(): () => boolean;
  /** From now on nothing is appended any more, and nobody is let go. */
  stop(): void;
}

export function createCampaignHost(options: CampaignHostOptions): CampaignHost {
  const { log, archive, clock, observer, idleTtl, maxLoaded } = options;
  const hosted = new Map<string, HostedCampaign>();
  const inMemory = new Map<string, LoadedCampaign>();
  /** Campaigns on their way out: whoever wants one again waits until it has left. */
  const leaving = new Map<string, Promise<void>>();
  let stopped = false;

  const following = createLogFollower({
    ...options,
    isNeeded: (campaign) => !stopped && inMemory.get(campaign.live.id) === campaign,
  });

  const load = async (campaignId: string): Promise<LoadedCampaign> => {
    await leaving.get(campaignId);
    return following.load(campaignId, (campaign) => {
      inMemory.set(campaignId, campaign);
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
    const { deliver, reload } = following;
    const queue = createMutationQueue(loaded, { ...options, deliver, reload, isClosed: () => stopped });
    const campaign: HostedCampaign = { id: campaignId, loaded, queue, lastUsed: clock.now() };
    hosted.set(campaignId, campaign);
    // Who waits for `loaded` hears of the failure; the next one to ask tries again.
    loaded.catch(() => {
      hosted.delete(campaignId);
      inMemory.delete(campaignId);
    });
    return campaign;
  };

  /**
   * A failure on the way leaves the seat taken, which the next load answers with a new epoch: costly, and never wrong.
   */
  const leave = async (live: LiveCampaign): Promise<void> => {
    if (await log.close(live.id, { leave: true })) await archive.leaveLog(live.id, live.generation);
  };

  const evictIdle = (): void => {
    const before = clock.now() - idleTtl;
    for (const campaign of hosted.values()) {
      const loaded = inMemory.get(campaign.id);
      if (!loaded || following.isReloading(campaign.id) || campaign.lastUsed > before || campaign.queue.length > 0)
        continue;
      const { live, fanOut } = loaded;
      // Who was watched until now is not idle yet: readers that lost their connection are about to come back.
      if (fanOut.size > 0) campaign.lastUsed = clock.now();
      if (fanOut.size > 0 || live.watermark.waiting > 0 || live.watermark.version < live.head.version) continue;
      hosted.delete(campaign.id);
      inMemory.delete(campaign.id);
      const left = leave(live).catch((cause: unknown) => {
        observer.failed?.({ what: 'eviction', campaignId: live.id, error: asError(cause) });
      });
      leaving.set(
        campaign.id,
        left.finally(() => leaving.delete(campaign.id)),
      );
      observer.evicted?.(campaign.id);
    }
    cancelSweep = clock.after(sweepEvery, evictIdle);
  };

  const sweepEvery = Math.max(100, Math.min(idleTtl / 4, 60_000));
  let cancelSweep = clock.after(sweepEvery, evictIdle);

  return {
    host,
    holds: (campaignId) => hosted.has(campaignId),
    peek: (campaignId) => inMemory.get(campaignId),
    get size() {
      return inMemory.size;
    },
    get unsavedBytes() {
      return following.unsavedBytes;
    },
    catchUp: following.catchUp,
    subscribers() {
      let sum = 0;
      for (const { fanOut } of inMemory.values()) sum += fanOut.size;
      return sum;
    },
    async settled(patience) {
      const until = clock.now() + patience;
      while (clock.now() < until && [...hosted.values()].some(({ queue }) => queue.length > 0)) {
        await new Promise<void>((resolve) => clock.after(5, resolve));
      }
    },
    untilSaved() {
      const heads = [...inMemory.values()].map(({ live }) => ({ live, head: live.head }));
      // Where the epoch ends meanwhile, what did not survive has been told, and there is nothing left to wait for.
      return () =>
        heads.every(({ live, head }) => live.head.epoch !== head.epoch || live.watermark.version >= head.version);
    },
    stop() {
      stopped = true;
      cancelSweep();
    },
  };
}
