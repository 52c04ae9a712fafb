import { RefusalError } from '../../core/errors.ts';
import type { Archiver } from '../archiving/archiver.ts';
import type { LiveCampaign } from '../campaign/live-campaign.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { Clock, OrderedLog } from '../ports.ts';
import type { QueuedWeight } from '../writes/mutation-queue.ts';

export interface OverloadOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<OrderedLog, 'backlog'>;
  readonly hosting: Pick<CampaignHost, 'peek' | 'loaded' | 'size' | 'unsavedBytes' | 'lastDurableAt'>;
  readonly archiver: Pick<Archiver, 'stalledSince'>;
  /** Most entries that may wait for the archive. */
  readonly maxBacklog: number;
  /** Most bytes of them. */
  readonly maxBacklogBytes: number;
  /** Mutations in the queues of all campaigns. */
  readonly queued: QueuedWeight;
  /** Most weight of them (`weightOf`); a single campaign may have half of it. */
  readonly maxQueuedWeight: number;
}

/** Refusals for load (G12). */
export interface Overload {
  /**
   * Why no mutation of that campaign (`undefined`: of a new one) can be taken now: too much waits for the archive, or
   * the campaign cannot be saved; `undefined` where it can be taken.
   */
  refuse(campaignId: string | undefined): RefusalError | undefined;
  /** Why the queue of a campaign, of that weight, takes no more now: too much of it waits to be decided. */
  refuseQueued(weight: number): RefusalError | undefined;
}

/** How long a caller that is refused for load should wait, in milliseconds. */
const RETRY_AFTER_MS = 1_000;
/** The same where the campaign cannot be saved. */
const STUCK_RETRY_AFTER_MS = 5_000;
/** Share of the backlog that is left for the other campaigns, where there are any. */
const RESERVED_SHARE = 1 / 4;
/** A campaign that has waited for so long, in milliseconds, while others were committed, cannot be saved. */
const STUCK_AFTER_MS = 15_000;
/** The same for one that fills half of the backlog by then: the rest is for the others. */
const LARGE_STUCK_AFTER_MS = 1_000;
/**
 * How often the campaigns are looked through for those that cannot be saved, in milliseconds, while the backlog is
 * full.
 */
const SCAN_INTERVAL_MS = 1_000;

/** Entries of campaigns that cannot be saved. */
interface Stuck {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Bounds what waits, so that memory is bounded while the archive is away, and that nobody waits behind too much.
 *
 * A campaign that alone cannot be committed (its rows were changed by hand, its entries are refused) is refused alone:
 * else it would fill the backlog for all. It shows in two ways. The archiver of this instance knows that the archive
 * refuses its entries. Where another instance archives it, its watermark stands still while those of others move. Then
 * its entries do not count against the others, up to as much again as may wait anyway. Until that shows, a quarter of
 * the backlog is left for the others.
 */
export function createOverload(options: OverloadOptions): Overload {
  const { clock, log, hosting, archiver, maxBacklog, maxBacklogBytes, queued, maxQueuedWeight } = options;
  let stuck: Stuck = { entries: 0, bytes: 0 };
  let scannedAt = Number.NEGATIVE_INFINITY;

  /**
   * Since when a campaign cannot be saved, in epoch milliseconds; `undefined` where it can, or the archive is away for
   * all.
   */
  const stuckSince = (live: LiveCampaign): number | undefined => {
    const { unsaved, unsavedBytes, unsavedSince } = live;
    if (unsavedSince === undefined) return undefined;
    const stalledSince = archiver.stalledSince(live.id);
    if (stalledSince !== undefined && clock.now() - stalledSince >= STUCK_AFTER_MS) return stalledSince;
    const isLarge = 2 * unsaved.length >= maxBacklog || 2 * unsavedBytes >= maxBacklogBytes;
    const othersMovedFor = (hosting.lastDurableAt ?? 0) - unsavedSince;
    return othersMovedFor >= (isLarge ? LARGE_STUCK_AFTER_MS : STUCK_AFTER_MS) ? unsavedSince : undefined;
  };

  const findStuck = (): Stuck => {
    if (clock.now() - scannedAt < SCAN_INTERVAL_MS) return stuck;
    scannedAt = clock.now();
    let [entries, bytes] = [0, 0];
    for (const { live } of hosting.loaded()) {
      if (stuckSince(live) === undefined) continue;
      entries += live.unsaved.length;
      bytes += live.unsavedBytes;
    }
    stuck = { entries: Math.min(entries, maxBacklog), bytes: Math.min(bytes, maxBacklogBytes) };
    return stuck;
  };

  /** Refuses a campaign that has its share of the backlog, where there are others. */
  const refuseShare = ({ id, unsaved, unsavedBytes }: LiveCampaign): RefusalError | undefined => {
    if (hosting.size < 2) return undefined;
    const share = Math.ceil(maxBacklog * (1 - RESERVED_SHARE));
    if (unsaved.length >= share)
      return overloaded(`${id}: ${unsaved.length} of its changes wait for the database, at most ${share} may`, share);
    const shareBytes = Math.ceil(maxBacklogBytes * (1 - RESERVED_SHARE));
    if (unsavedBytes < shareBytes) return undefined;
    return overloaded(
      `${id}: changes of ${unsavedBytes} bytes of it wait for the database, at most ${shareBytes} may`,
      shareBytes,
    );
  };

  const refuseStuck = (live: LiveCampaign): RefusalError | undefined => {
    const since = stuckSince(live);
    if (since === undefined) return undefined;
    const message = `${live.id}: its changes cannot be saved since ${new Date(since).toISOString()}; no more are taken before they are`;
    return new RefusalError('OVERLOADED', message, { path: ['campaignId'], retryAfterMs: STUCK_RETRY_AFTER_MS });
  };

  const refuseQueue = (weight: number, maxWeight: number): RefusalError | undefined =>
    weight < maxWeight
      ? undefined
      : new RefusalError('OVERLOADED', 'too many changes wait to be decided; try again later', {
          retryAfterMs: RETRY_AFTER_MS,
        });

  const refuseBacklog = (): RefusalError | undefined => {
    const { entries } = log.backlog();
    const bytes = hosting.unsavedBytes;
    if (entries < maxBacklog && bytes < maxBacklogBytes) return undefined;
    const aside = findStuck();
    if (entries - aside.entries >= maxBacklog)
      return overloaded(`${entries} changes wait for the database, at most ${maxBacklog} may`, maxBacklog);
    if (bytes - aside.bytes < maxBacklogBytes) return undefined;
    return overloaded(
      `changes of ${bytes} bytes wait for the database, at most ${maxBacklogBytes} may`,
      maxBacklogBytes,
    );
  };

  return {
    refuse(campaignId) {
      const live = campaignId === undefined ? undefined : hosting.peek(campaignId)?.live;
      return (
        (live && (refuseStuck(live) ?? refuseShare(live))) ??
        refuseBacklog() ??
        refuseQueue(queued.weight, maxQueuedWeight)
      );
    },
    refuseQueued: (weight) => refuseQueue(weight, maxQueuedWeight / 2),
  };
}

function overloaded(what: string, limit: number): RefusalError {
  return new RefusalError('OVERLOADED', `${what}; try again later`, { limit, retryAfterMs: RETRY_AFTER_MS });
}
