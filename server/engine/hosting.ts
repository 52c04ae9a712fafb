import { CampaignError } from '../core/errors.ts';
import { survivingVersion } from '../core/position.ts';
import { createFanOut, type FanOut, type FanOutOptions } from './fan-out.ts';
import { createLiveCampaign, deliver, markDurable, type Delivery, type LiveCampaign } from './live-campaign.ts';
import { createMutationQueue, type MutationQueue, type MutationQueueOptions } from './mutation-queue.ts';
import type { LogEvent, SealedEntry } from './ports.ts';
import { takeSeat, type Known, type Seated, type SeatOptions } from './seat.ts';

/** A campaign that this instance hosts, or is about to: mutations take their place in its queue before it is loaded. */
export interface HostedCampaign {
  readonly id: string;
  readonly loaded: Promise<LoadedCampaign>;
  readonly queue: MutationQueue;
  lastUsed: number;
}

export interface LoadedCampaign {
  live: LiveCampaign;
  fanOut: FanOut;
}

export interface HostingOptions extends FanOutOptions, SeatOptions, Omit<MutationQueueOptions<LoadedCampaign>, 'reload' | 'deliver' | 'isClosed'> {
  /** `CAMPAIGN_IDLE_TTL`, in milliseconds. */
  idleTtl: number;
  /** Campaigns in memory at most; `Infinity` where the archive can take back those that are idle. */
  maxLoaded: number;
}

/** The campaigns in memory: loaded when someone asks, let go when nobody has for a while and all of them is durable. */
export interface Hosting {
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
  /** Asks whether everything that is in memory now has been committed since; what others append later does not count. */
  untilSaved(): () => boolean;
  /** From now on nothing is appended any more, and nobody is let go. */
  stop(): void;
}

/** Between two tries to load a campaign whose line broke, in milliseconds. */
const RELOAD_PAUSE_MS = 200;

export function createHosting(options: HostingOptions): Hosting {
  const { log, archive, clock, observer, idleTtl, maxLoaded } = options;
  const hosted = new Map<string, HostedCampaign>();
  const inMemory = new Map<string, LoadedCampaign>();
  /** Campaigns on their way out: whoever wants one again waits until it has left. */
  const leaving = new Map<string, Promise<void>>();
  let unsavedBytes = 0;
  const reloading = new Map<string, Promise<void>>();
  const repairing = new Map<string, Promise<void>>();
  /** Campaigns whose last reload failed, and that are tried again and again. */
  const retrying = new Set<string>();
  let stopped = false;

  /** Takes the campaign's seat; what the log publishes before the campaign has been built from it waits. */
  const seat = async (campaignId: string, known: Known | undefined, build: (seated: Seated) => LoadedCampaign): Promise<LoadedCampaign> => {
    const early: LogEvent[] = [];
    let campaign: LoadedCampaign | undefined;
    const listener = (event: LogEvent): void => {
      if (campaign) hear(campaign, event);
      else early.push(event);
    };
    campaign = build(await takeSeat(campaignId, known, listener, options).catch(refuse(campaignId)));
    for (const event of early) hear(campaign, event);
    return campaign;
  };

  /** Refusals pass; everything else means that archive or log are away, and that it is worth trying again. */
  const refuse = (campaignId: string) => (cause: unknown): never => {
    if (cause instanceof CampaignError) throw cause;
    observer.failed?.({ what: 'load', campaignId, error: asError(cause) });
    throw new CampaignError('UNAVAILABLE', `${campaignId} cannot be loaded now; try again`, { retryAfterMs: 1_000 });
  };

  const load = async (campaignId: string): Promise<LoadedCampaign> => {
    await leaving.get(campaignId);
    const campaign = await seat(campaignId, undefined, (seated) => {
      const live = createLiveCampaign(campaignId, seated);
      return { live, fanOut: createFanOut(live, options) };
    });
    unsavedBytes += campaign.live.unsavedBytes;
    inMemory.set(campaignId, campaign);
    observer.loaded?.(campaignId);
    return campaign;
  };

  /** Keeps the sum of what the campaigns in memory have not saved. */
  const counted = <T>(live: LiveCampaign, change: () => T): T => {
    const before = live.unsavedBytes;
    const result = change();
    unsavedBytes += live.unsavedBytes - before;
    return result;
  };

  const hear = (campaign: LoadedCampaign, event: LogEvent): void => {
    const { live, fanOut } = campaign;
    switch (event.kind) {
      case 'durable':
        if (event.epoch === live.head.epoch && counted(live, () => markDurable(live, event.version))) fanOut.notify();
        return;
      case 'reset':
        void reloadSafely(campaign);
        return;
      case 'entry': {
        const delivery = deliverHere(campaign, event.sealed);
        if (delivery === 'gap' || delivery === 'fork') void repair(campaign);
      }
    }
  };

  /** The door of this instance: applies, and tells whoever watches. */
  const deliverHere = ({ live, fanOut }: LoadedCampaign, sealed: SealedEntry): Delivery => {
    const delivery = counted(live, () => deliver(live, sealed));
    if (delivery !== 'applied') return delivery;
    fanOut.notify();
    const { version, at } = sealed.record;
    observer.applied?.({ campaignId: live.id, version, subscribers: fanOut.size, seconds: (clock.now() - at) / 1_000 });
    return delivery;
  };

  /** Once at a time for each campaign: many entries can find the same gap. */
  const repair = (campaign: LoadedCampaign): Promise<void> => {
    const { id } = campaign.live;
    const present = repairing.get(id);
    if (present) return present;
    const repaired = readMissing(campaign).finally(() => repairing.delete(id));
    repairing.set(id, repaired);
    return repaired;
  };

  /** Something is missing between what we have and what came: read it from the log; where that does not help, load again. */
  const readMissing = async (campaign: LoadedCampaign): Promise<void> => {
    const { live } = campaign;
    try {
      const missing = await log.read(live.id, live.head.version, Number.MAX_SAFE_INTEGER);
      const before = live.head.version;
      for (const sealed of missing) deliverHere(campaign, sealed);
      if (live.head.version === before && missing.length > 0) await reload(campaign);
    } catch (cause) {
      observer.failed?.({ what: 'gap repair', campaignId: live.id, error: asError(cause) });
      await reloadSafely(campaign);
    }
  };

  /** The same object, anew, once at a time: subscribers keep their place in it, and their cursors tell them of a break. */
  const reload = (campaign: LoadedCampaign): Promise<void> => {
    const { live, fanOut } = campaign;
    const present = reloading.get(live.id);
    if (present) return present;
    const before: Known = { head: live.head, unsaved: [...live.unsaved] };
    const reloaded = seat(live.id, before, (seated) => {
      const { watermark, ...fresh } = createLiveCampaign(live.id, seated);
      counted(live, () => Object.assign(live, fresh));
      if (fresh.head.epoch === before.head.epoch) {
        live.watermark.advance(watermark.version);
        fanOut.notify();
        return campaign;
      }
      const survived = survivingVersion(before.head.epoch, live.head, live.lineage) ?? 0;
      // The epoch ended at the archive's head: up to there everything is durable.
      live.watermark.advance(survived);
      live.watermark.fail(survived, new CampaignError('NOT_FOUND', `position: it is not on the surviving line of ${live.id}`));
      live.watermark = watermark;
      const lost = before.unsaved.filter(({ record }) => record.version > survived).map(({ record }) => record.mutationId);
      fanOut.reset(lost);
      observer.reset?.({ campaignId: live.id, lost: lost.length });
      return campaign;
    });
    const done = reloaded.then(() => undefined).finally(() => reloading.delete(live.id));
    reloading.set(live.id, done);
    // Half-way there the log tells it nothing: whoever has asked hears of the failure, and it goes on being tried.
    done.catch(() => reloadSafely(campaign));
    return done;
  };

  /** Until it has been done, or the campaign is needed no more; once at a time. */
  const reloadSafely = async (campaign: LoadedCampaign): Promise<void> => {
    const { id } = campaign.live;
    if (retrying.has(id)) return;
    retrying.add(id);
    while (!stopped && inMemory.get(id) === campaign) {
      try {
        await reload(campaign);
        break;
      } catch (cause) {
        observer.failed?.({ what: 'reload', campaignId: id, error: asError(cause) });
        await new Promise<void>((resolve) => clock.after(RELOAD_PAUSE_MS, resolve));
      }
    }
    retrying.delete(id);
  };

  const host = (campaignId: string): HostedCampaign => {
    const present = hosted.get(campaignId);
    if (present) {
      present.lastUsed = clock.now();
      return present;
    }
    if (hosted.size >= maxLoaded) {
      throw new CampaignError('OVERLOADED', `${hosted.size} campaigns are in memory, the most that CAMPAIGN_MAX_LOADED allows`, { limit: maxLoaded });
    }
    const loaded = load(campaignId);
    const queue = createMutationQueue(loaded, { ...options, deliver: deliverHere, reload, isClosed: () => stopped });
    const campaign: HostedCampaign = { id: campaignId, loaded, queue, lastUsed: clock.now() };
    hosted.set(campaignId, campaign);
    // Who waits for `loaded` hears of the failure; the next one to ask tries again.
    loaded.catch(() => hosted.delete(campaignId));
    return campaign;
  };

  /** A failure on the way leaves the seat taken, which the next load answers with a new epoch: costly, and never wrong. */
  const leave = async (live: LiveCampaign): Promise<void> => {
    if (await log.close(live.id, { leave: true })) await archive.leaveLog(live.id, live.generation);
  };

  const evictIdle = (): void => {
    const before = clock.now() - idleTtl;
    for (const campaign of hosted.values()) {
      const loaded = inMemory.get(campaign.id);
      if (!loaded || reloading.has(campaign.id) || campaign.lastUsed > before || campaign.queue.length > 0) continue;
      const { live, fanOut } = loaded;
      // Who was watched until now is not idle yet: readers that lost their connection are about to come back.
      if (fanOut.size > 0) campaign.lastUsed = clock.now();
      if (fanOut.size > 0 || live.watermark.waiting > 0 || live.watermark.version < live.head.version) continue;
      hosted.delete(campaign.id);
      inMemory.delete(campaign.id);
      const left = leave(live).catch((cause: unknown) => {
        observer.failed?.({ what: 'eviction', campaignId: live.id, error: asError(cause) });
      });
      leaving.set(campaign.id, left.finally(() => leaving.delete(campaign.id)));
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
      return unsavedBytes;
    },
    catchUp: repair,
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
      return () => heads.every(({ live, head }) => live.head.epoch !== head.epoch || live.watermark.version >= head.version);
    },
    stop() {
      stopped = true;
      cancelSweep();
    },
  };
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
