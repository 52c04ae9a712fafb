import { deletedAtOf } from '../../core/deletion.ts';
import { asError, RefusalError } from '../../core/errors.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import { lastSharedVersion } from '../../core/stream/position.ts';
import {
  createLiveCampaign,
  deliver,
  markDurable,
  takeLocks,
  type Delivery,
  type LiveCampaign,
} from '../campaign/live-campaign.ts';
import {
  recoverCampaign,
  type HeldCampaign,
  type LogRecoveryOptions,
  type RecoveredCampaign,
} from '../campaign/log-recovery.ts';
import { createVersionTrees } from '../campaign/version-trees.ts';
import { treeOf } from '../../core/stream/apply.ts';
import type { LogEvent } from '../ports.ts';
import { deleted } from '../refusals.ts';
import { createFanOut, type FanOut, type FanOutOptions } from '../streams/fan-out.ts';

/** A campaign in memory, and its subscribers. */
export interface LoadedCampaign {
  readonly live: LiveCampaign;
  readonly fanOut: FanOut;
}

export interface LogFollowerOptions extends FanOutOptions, LogRecoveryOptions {
  /** Whether the campaign is still in memory, so that a failed reload is worth another attempt. */
  isNeeded(campaign: LoadedCampaign): boolean;
  /** A campaign in memory was deleted, and everybody who waits for it has been told. */
  onGone(campaign: LoadedCampaign): void;
  /** A caller begins to wait for the durability of a campaign in memory. */
  onAwaited(campaignId: string): void;
  /** The locks of a campaign in memory have changed, or it was loaded anew. */
  onLocks(live: LiveCampaign): void;
}

/**
 * Replication from the log into the campaigns in memory: applies what the log publishes, reads what was missed, and
 * loads a campaign again whose timeline was forked.
 */
export interface LogFollower {
  /**
   * Loads a campaign and follows it from then on.
   *
   * @param onLoaded called once the campaign is in memory, before anything that the log publishes is applied to it
   * @throws RefusalError `NOT_FOUND` where there is none, `UNAVAILABLE` where log or archive do not answer
   */
  load(campaignId: string, onLoaded: (campaign: LoadedCampaign) => void): Promise<LoadedCampaign>;
  /** Applies an entry by the single apply path (`deliver`), and notifies the campaign's subscribers. */
  applyEntry(campaign: LoadedCampaign, sealed: SealedEntry): Delivery;
  /** Reads and applies the entries that the log has beyond the campaign's head. */
  catchUp(campaign: LoadedCampaign): Promise<void>;
  /**
   * Loads a campaign again from archive and log, into the same object, so that its subscribers stay.
   *
   * @throws RefusalError `UNAVAILABLE` where log or archive do not answer; further attempts then follow by themselves
   */
  reload(campaign: LoadedCampaign): Promise<void>;
  /**
   * Loads a campaign again in the same way, and keeps nothing of what was in memory: entries of it were redacted.
   *
   * @throws RefusalError as `reload`
   */
  forget(campaign: LoadedCampaign): Promise<void>;
  /** Ends a campaign in memory that was deleted: everybody who watches it or waits for it is told. */
  end(campaign: LoadedCampaign, refusal: RefusalError): void;
  isReloading(campaignId: string): boolean;
  /** Bytes of the entries in memory that are not durable, over all campaigns. */
  readonly unsavedBytes: number;
  /** When the watermark of any campaign moved last, in epoch milliseconds. */
  readonly lastDurableAt: number | undefined;
}

/** Pause between two attempts to load a campaign again, in milliseconds. */
const RELOAD_RETRY_MS = 200;

export function createLogFollower(options: LogFollowerOptions): LogFollower {
  const { log, clock, observer, isNeeded, onAwaited } = options;
  const reloads = new Map<string, Promise<void>>();
  const gapRepairs = new Map<string, Promise<void>>();
  /** Campaigns of which a gap was found while one was repaired. */
  const gapsMeanwhile = new Set<string>();
  /** Campaigns whose last reload failed, and is being retried. */
  const retrying = new Set<string>();
  let unsavedBytes = 0;
  let lastDurableAt: number | undefined;

  /** Keeps `unsavedBytes` over a change of one campaign. */
  const trackUnsaved = <T>(live: LiveCampaign, change: () => T): T => {
    const before = live.unsavedBytes;
    const result = change();
    unsavedBytes += live.unsavedBytes - before;
    return result;
  };

  const applyEntry = ({ live, fanOut }: LoadedCampaign, sealed: SealedEntry): Delivery => {
    const delivery = trackUnsaved(live, () => deliver(live, sealed, clock.now()));
    if (delivery !== 'applied') return delivery;
    fanOut.notify();
    const onOffered = observer.applied?.({
      campaignId: live.id,
      version: sealed.record.version,
      subscribers: fanOut.size,
    });
    // Queued behind the fan-out's own turn.
    if (onOffered) clock.turn(onOffered);
    return delivery;
  };

  const onLogEvent = (campaign: LoadedCampaign, event: LogEvent): void => {
    const { live, fanOut } = campaign;
    switch (event.kind) {
      case 'durable':
        if (event.epoch !== live.head.epoch) return;
        if (!trackUnsaved(live, () => markDurable(live, event.version, clock.now()))) return;
        lastDurableAt = clock.now();
        fanOut.notify();
        return;
      case 'locks':
        if (takeLocks(live, event.table)) options.onLocks(live);
        return;
      case 'stale':
        if (live.stale === event.stale) return;
        live.stale = event.stale;
        fanOut.notify();
        return;
      case 'reset':
        void reloadUntilDone(campaign);
        return;
      case 'entry': {
        const delivery = applyEntry(campaign, event.sealed);
        if (delivery === 'gap' || delivery === 'fork') void repairGap(campaign);
      }
    }
  };

  /** Recovers a campaign in the log; what the log publishes before it is built is applied after that. */
  const recover = async (
    campaignId: string,
    held: HeldCampaign | undefined,
    build: (recovered: RecoveredCampaign) => LoadedCampaign,
  ): Promise<LoadedCampaign> => {
    const early: LogEvent[] = [];
    let campaign: LoadedCampaign | undefined;
    const listener = (event: LogEvent): void => {
      if (campaign) onLogEvent(campaign, event);
      else early.push(event);
    };
    const recovered = await recoverCampaign(campaignId, held, listener, options).catch((cause: unknown) => {
      if (cause instanceof RefusalError) throw cause;
      observer.failed?.({ what: 'load', campaignId, error: asError(cause) });
      throw new RefusalError('UNAVAILABLE', `${campaignId} cannot be loaded now; try again`, { retryAfterMs: 1_000 });
    });
    campaign = build(recovered);
    for (const event of early) onLogEvent(campaign, event);
    return campaign;
  };

  /**
   * Once at a time for each campaign: many entries can reveal the same gap. What one reveals that comes while the log
   * is read may be newer than what that brings: it is read again then, because nothing else would tell of it.
   */
  const repairGap = (campaign: LoadedCampaign): Promise<void> => {
    const { id } = campaign.live;
    const running = gapRepairs.get(id);
    if (running) {
      gapsMeanwhile.add(id);
      return running;
    }
    const repair = readUntilWhole(campaign).finally(() => gapRepairs.delete(id));
    gapRepairs.set(id, repair);
    return repair;
  };

  const readUntilWhole = async (campaign: LoadedCampaign): Promise<void> => {
    do {
      gapsMeanwhile.delete(campaign.live.id);
      await readMissing(campaign);
    } while (gapsMeanwhile.has(campaign.live.id));
  };

  const readMissing = async (campaign: LoadedCampaign): Promise<void> => {
    const { live } = campaign;
    try {
      const missing = await log.read(live.id, live.head.version, Number.MAX_SAFE_INTEGER);
      const before = live.head.version;
      for (const sealed of missing) applyEntry(campaign, sealed);
      // The log's entries do not continue this head: its timeline is another one.
      if (live.head.version === before && missing.length > 0) await reload(campaign);
    } catch (cause) {
      observer.failed?.({ what: 'gap repair', campaignId: live.id, error: asError(cause) });
      await reloadUntilDone(campaign);
    }
  };

  /**
   * Puts what was recovered in the place of what was in memory. Subscribers keep their cursors, which detect a fork.
   */
  const replace = (campaign: LoadedCampaign, held: HeldCampaign, recovered: RecoveredCampaign): void => {
    const { live, fanOut } = campaign;
    const { watermark, ...fresh } = createLiveCampaign(live.id, recovered, live.unsavedSince ?? clock.now(), () =>
      onAwaited(live.id),
    );
    const shared = lastSharedVersion(held.head.epoch, fresh.head, fresh.lineage) ?? 0;
    fresh.trees.adopt(live.trees, Math.min(shared, held.head.version));
    trackUnsaved(live, () => Object.assign(live, fresh));
    options.onLocks(live);
    if (fresh.head.epoch === held.head.epoch) {
      live.watermark.advance(watermark.version);
      fanOut.notify();
      return;
    }
    const survived = lastSharedVersion(held.head.epoch, live.head, live.lineage) ?? 0;
    // An epoch ends at the archive's head, so that everything up to the fork is durable.
    live.watermark.advance(survived);
    live.watermark.fail(
      survived,
      new RefusalError('NOT_FOUND', `position: it is not on the current timeline of ${live.id}`),
    );
    live.watermark = watermark;
    const lost = held.unsaved.filter(({ record }) => record.version > survived).map(({ record }) => record.mutationId);
    fanOut.reset(lost);
    observer.reset?.({ campaignId: live.id, lost: lost.length });
  };

  const end = (campaign: LoadedCampaign, refusal: RefusalError): void => {
    const { live, fanOut } = campaign;
    if (live.gone) return;
    live.gone = refusal;
    unsavedBytes -= live.unsavedBytes;
    live.unsavedBytes = 0;
    live.unsaved = [];
    live.watermark.fail(0, refusal);
    // Each subscriber finds it where it would find its next event.
    fanOut.notify();
    options.onLocks(live);
    options.onGone(campaign);
  };

  /** Once at a time for each campaign. */
  const reload = (campaign: LoadedCampaign): Promise<void> => {
    const { live } = campaign;
    if (live.gone) return Promise.reject(live.gone);
    const running = reloads.get(live.id);
    if (running) return running;
    const held: HeldCampaign = { head: live.head, unsaved: [...live.unsaved] };
    const reloaded = recover(live.id, held, (recovered) => {
      const deletedAt = deletedAtOf(live.head.epoch, recovered.archived);
      // There is another campaign of its id already: this one was deleted all the same.
      if (deletedAt !== undefined) throw deleted(live.id, deletedAt);
      replace(campaign, held, recovered);
      return campaign;
    }).catch((error: unknown) => {
      if (isDeletion(error)) end(campaign, error);
      throw error;
    });
    const done = reloaded.then(() => undefined).finally(() => reloads.delete(live.id));
    reloads.set(live.id, done);
    // After a failed reload the log publishes nothing to this instance, so that it has to be repeated.
    done.catch((error: unknown) => (isDeletion(error) ? undefined : reloadUntilDone(campaign)));
    return done;
  };

  const forget = async (campaign: LoadedCampaign): Promise<void> => {
    const { live, fanOut } = campaign;
    // One that is under way may have read the archive before.
    await reloads.get(live.id)?.catch(() => undefined);
    if (live.gone) return;
    const { head, content } = live;
    live.trees = createVersionTrees({ version: head.version, document: treeOf(content) }, [], head.version);
    await reload(campaign);
    fanOut.forget();
  };

  /** Reloads until that succeeds, or the campaign is not needed any more; one loop for each campaign. */
  const reloadUntilDone = async (campaign: LoadedCampaign): Promise<void> => {
    const { id } = campaign.live;
    if (retrying.has(id)) return;
    retrying.add(id);
    while (isNeeded(campaign)) {
      try {
        await reload(campaign);
        break;
      } catch (cause) {
        if (isDeletion(cause)) break;
        observer.failed?.({ what: 'reload', campaignId: id, error: asError(cause) });
        await new Promise<void>((resolve) => clock.after(RELOAD_RETRY_MS, resolve));
      }
    }
    retrying.delete(id);
  };

  return {
    load: (campaignId, onLoaded) =>
      recover(campaignId, undefined, (recovered) => {
        const live = createLiveCampaign(campaignId, recovered, clock.now(), () => onAwaited(campaignId));
        const campaign = { live, fanOut: createFanOut(live, options) };
        unsavedBytes += live.unsavedBytes;
        onLoaded(campaign);
        return campaign;
      }),
    applyEntry,
    catchUp: repairGap,
    reload,
    forget,
    end,
    isReloading: (campaignId) => reloads.has(campaignId),
    get unsavedBytes() {
      return unsavedBytes;
    },
    get lastDurableAt() {
      return lastDurableAt;
    },
  };
}

/** Whether an error says that the campaign was deleted. */
function isDeletion(error: unknown): error is RefusalError {
  return error instanceof RefusalError && error.refusal.deletedAt !== undefined;
}
