import { asError, RefusalError } from '../../core/errors.ts';
import { lastSharedVersion } from '../../core/stream/position.ts';
import { createFanOut, type FanOut, type FanOutOptions } from '../streams/fan-out.ts';
import {
  createLiveCampaign,
  deliver,
  markDurable,
  type Delivery,
  type LiveCampaign,
} from '../campaign/live-campaign.ts';
import type { LogEvent, SealedEntry } from '../ports.ts';
import {
  recoverCampaign,
  type Known,
  type RecoveredCampaign,
  type LogRecoveryOptions,
} from '../campaign/log-recovery.ts';

/** A campaign in memory, and everyone who watches it. */
export interface LoadedCampaign {
  live: LiveCampaign;
  fanOut: FanOut;
}

export interface LogFollowerOptions extends FanOutOptions, LogRecoveryOptions {
  /** Whether it is still worth trying to keep it true to the log. */
  isNeeded(campaign: LoadedCampaign): boolean;
  /** Somebody begins to wait for the durability of a campaign in memory. */
  onAwaited(): void;
}

/**
 * Keeps campaigns in memory true to the log: what it publishes is applied, what was missed is read, a line that broke
 * is loaded anew.
 */
export interface LogFollower {
  /** @param enter what is done once the campaign is there, before it hears of anything */
  load(campaignId: string, enter: (campaign: LoadedCampaign) => void): Promise<LoadedCampaign>;
  /** The door of this instance. */
  deliver(campaign: LoadedCampaign, sealed: SealedEntry): Delivery;
  /** Reads what the log has beyond what is known of a campaign. */
  catchUp(campaign: LoadedCampaign): Promise<void>;
  /** Loads it again, into the same object. */
  reload(campaign: LoadedCampaign): Promise<void>;
  isReloading(campaignId: string): boolean;
  /** Bytes of entries in memory that are not durable. */
  readonly unsavedBytes: number;
}

/** Between two tries to load a campaign whose line broke, in milliseconds. */
const RELOAD_PAUSE_MS = 200;

export function createLogFollower(options: LogFollowerOptions): LogFollower {
  const { log, clock, observer, isNeeded, onAwaited } = options;
  const reloading = new Map<string, Promise<void>>();
  const repairing = new Map<string, Promise<void>>();
  /** Campaigns whose last reload failed, and that are tried again and again. */
  const retrying = new Set<string>();
  let unsavedBytes = 0;

  /** Takes the campaign's seat; what the log publishes before the campaign has been built from it waits. */
  const recover = async (
    campaignId: string,
    known: Known | undefined,
    build: (recovered: RecoveredCampaign) => LoadedCampaign,
  ): Promise<LoadedCampaign> => {
    const early: LogEvent[] = [];
    let campaign: LoadedCampaign | undefined;
    const listener = (event: LogEvent): void => {
      if (campaign) hear(campaign, event);
      else early.push(event);
    };
    campaign = build(await recoverCampaign(campaignId, known, listener, options).catch(refuse(campaignId)));
    for (const event of early) hear(campaign, event);
    return campaign;
  };

  /** Refusals pass; everything else means that archive or log are away, and that it is worth trying again. */
  const refuse =
    (campaignId: string) =>
    (cause: unknown): never => {
      if (cause instanceof RefusalError) throw cause;
      observer.failed?.({ what: 'load', campaignId, error: asError(cause) });
      throw new RefusalError('UNAVAILABLE', `${campaignId} cannot be loaded now; try again`, { retryAfterMs: 1_000 });
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
    const offered = observer.applied?.({
      campaignId: live.id,
      version: sealed.record.version,
      subscribers: fanOut.size,
    });
    // Behind what the fan-out does at the end of this turn.
    if (offered) clock.turn(offered);
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

  /**
   * Something is missing between what we have and what came: read it from the log; where that does not help, load
   * again.
   */
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

  /**
   * The same object, anew, once at a time: subscribers keep their place in it, and their cursors tell them of a break.
   */
  const reload = (campaign: LoadedCampaign): Promise<void> => {
    const { live, fanOut } = campaign;
    const present = reloading.get(live.id);
    if (present) return present;
    const before: Known = { head: live.head, unsaved: [...live.unsaved] };
    const reloaded = recover(live.id, before, (recovered) => {
      const { watermark, ...fresh } = createLiveCampaign(live.id, recovered, onAwaited);
      counted(live, () => Object.assign(live, fresh));
      if (fresh.head.epoch === before.head.epoch) {
        live.watermark.advance(watermark.version);
        fanOut.notify();
        return campaign;
      }
      const survived = lastSharedVersion(before.head.epoch, live.head, live.lineage) ?? 0;
      // The epoch ended at the archive's head: up to there everything is durable.
      live.watermark.advance(survived);
      live.watermark.fail(
        survived,
        new RefusalError('NOT_FOUND', `position: it is not on the surviving line of ${live.id}`),
      );
      live.watermark = watermark;
      const lost = before.unsaved
        .filter(({ record }) => record.version > survived)
        .map(({ record }) => record.mutationId);
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
    while (isNeeded(campaign)) {
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

  return {
    load: (campaignId, enter) =>
      recover(campaignId, undefined, (recovered) => {
        const live = createLiveCampaign(campaignId, recovered, onAwaited);
        const campaign = { live, fanOut: createFanOut(live, options) };
        unsavedBytes += live.unsavedBytes;
        enter(campaign);
        return campaign;
      }),
    deliver: deliverHere,
    catchUp: repair,
    reload,
    isReloading: (campaignId) => reloading.has(campaignId),
    get unsavedBytes() {
      return unsavedBytes;
    },
  };
}
