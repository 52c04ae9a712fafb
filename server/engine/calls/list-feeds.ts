import { asError, RefusalError } from '../../core/errors.ts';
import { hasExpired, type Identity } from '../../core/permissions.ts';
import type { ListedCampaign, ListEvent } from '../../core/stream/list-events.ts';
import type { CampaignHost } from '../hosting/campaign-host.ts';
import type { EngineObserver } from '../observer.ts';
import type { CampaignSummary, Clock, ViewerCounts } from '../ports.ts';
import { expired } from '../refusals.ts';
import type { Caller, ListOptions, Reader, VisibleSummary } from '../service.ts';
import { createDrainPoll } from '../streams/backpressure.ts';
import { createPullDelivery, type PullDelivery, type PullSource } from '../streams/pull-delivery.ts';
import { RightsWatch } from '../streams/rights-watch.ts';
import type { CampaignList } from './campaign-list.ts';
import type { ReadGate } from './read-gate.ts';

export interface ListFeedsOptions {
  readonly list: CampaignList;
  readonly hosting: Pick<CampaignHost, 'peek' | 'viewers'>;
  readonly clock: Clock;
  readonly observer: EngineObserver;
  /** The gate of all reads of the archive; feeds take turns in it as one caller. */
  readonly gate: ReadGate;
  readonly viewers: ViewerCounts;
}

/** Live lists of campaigns for their subscribers. */
export interface ListFeeds {
  /**
   * Subscribes to a page of the list. Ends when the caller's signal aborts.
   *
   * @throws RefusalError `FORBIDDEN` where the filter would reveal what the view hides, `OVERLOADED` where this
   *   instance keeps too many different pages already; from `next`, when the right to it ends
   */
  watch(caller: Caller, reader: Reader, options: ListOptions): AsyncIterableIterator<ListEvent>;
  /** Pages that are kept. */
  readonly size: number;
}

/** Different pages that one instance keeps, at most. */
const MAX_FEEDS = 1_000;
/** Interval at which pages are compared with the campaigns in memory, in milliseconds. */
const TICK_MS = 500;
/** Interval at which a page is read from the archive, in milliseconds; with many pages it is longer. */
const READ_INTERVAL_MS = 2_000;
/** Pages that are read in one tick, at most. */
const MAX_READS_PER_TICK = 10;

/** The caller of a feed's reads. */
const FEED_CALLER: Caller = { identity: { id: 'list feeds', grants: {} }, correlationId: 'list feeds' };

/** The page as its subscribers see it, by campaign id, in its order. It is replaced, never changed. */
interface Page {
  readonly campaigns: ReadonlyMap<string, ListedCampaign>;
  readonly nextCursor: string | undefined;
  readonly total: number | undefined;
}

/** One page for all subscribers who see the same. */
interface Feed {
  readonly key: string;
  readonly options: ListOptions;
  /** Of any subscriber: all have the same rights on this page. */
  readonly identity: Identity;
  readonly deliveries: Set<PullDelivery<ListEvent>>;
  rows: readonly CampaignSummary[];
  /** `undefined` until it has been read. */
  page: Page | undefined;
  readAt: number;
  reading: boolean;
  /** The change that most subscribers are sent, made once. */
  lastChange: { readonly from: Page; readonly to: Page; readonly event: ListEvent } | undefined;
}

/**
 * Creates the live lists of one instance: *shared polling*. All subscribers with the same rights and query share a
 * feed. A feed is read from the archive every two seconds, which shows what other instances have created and changed,
 * and is compared every half second with the campaigns in memory, which are newer. Subscribers are sent the difference
 * between the page that they have and the present one; a slow one skips what lies between.
 *
 * Invariant: the cost does not depend on the number of subscribers, but on that of different pages, which is bounded;
 * with many of them each is read less often, at most twenty a second over all. Where nobody watches, there is no timer.
 *
 * Rejected: a channel on which every instance publishes every change of every campaign. It costs each instance the
 * whole write load for a list that few people watch, and needs the same reads to heal what was not heard.
 */
export function createListFeeds({ list, hosting, clock, observer, gate, viewers }: ListFeedsOptions): ListFeeds {
  const feeds = new Map<string, Feed>();
  const drainPoll = createDrainPoll(clock);
  let ticking = false;
  /** Viewers on other instances. */
  let elsewhere: ReadonlyMap<string, number> = new Map();
  let askedAt = Number.NEGATIVE_INFINITY;

  const rowOf = (summary: VisibleSummary): ListedCampaign => {
    const { status, ...row } = summary;
    // Only the full view has an author, and only it has viewers.
    const viewers = summary.updatedBy === undefined ? {} : { viewers: viewersOf(summary.campaignId) };
    return { ...row, ...(status !== undefined && { status }), ...viewers };
  };

  const viewersOf = (campaignId: string): number => hosting.viewers(campaignId) + (elsewhere.get(campaignId) ?? 0);

  /** Asks for the viewers on other instances; after a failure the counts stay what they were. */
  const askForViewers = async (): Promise<void> => {
    askedAt = clock.now();
    const rows = [...feeds.values()].flatMap(({ page }) => [...(page?.campaigns.values() ?? [])]);
    const ids = new Set(rows.filter((row) => row.viewers !== undefined).map(({ campaignId }) => campaignId));
    if (ids.size > 0) elsewhere = await viewers.elsewhere([...ids]).catch(() => elsewhere);
  };

  /** Makes the page anew from its rows and from memory; rows that have not changed stay the same objects. */
  const refresh = (feed: Feed, { nextCursor, total }: Pick<Page, 'nextCursor' | 'total'>): void => {
    const before = feed.page;
    let changed = before?.nextCursor !== nextCursor || before?.total !== total;
    const campaigns = new Map<string, ListedCampaign>();
    for (const summary of list.show(feed.identity, feed.rows, feed.options)) {
      const row = rowOf(summary);
      const known = before?.campaigns.get(row.campaignId);
      const isSame = known !== undefined && isEqual(known, row);
      campaigns.set(row.campaignId, isSame ? known : row);
      changed ||= !isSame;
    }
    if (before && !changed && before.campaigns.size === campaigns.size) return;
    feed.page = { campaigns, nextCursor, total };
    for (const delivery of feed.deliveries) delivery.wake();
  };

  const readFeed = async (feed: Feed): Promise<void> => {
    feed.reading = true;
    try {
      const read = await gate.pass(FEED_CALLER, () => list.read(feed.identity, feed.options));
      feed.rows = read.rows;
      refresh(feed, read);
    } catch (cause) {
      // Subscribers keep the page that they have; it is read again at the next turn.
      observer.failed?.({ what: 'list feed', error: asError(cause) });
    } finally {
      feed.reading = false;
      feed.readAt = clock.now();
    }
  };

  const tick = (): void => {
    ticking = false;
    if (feeds.size === 0) return;
    if (clock.now() - askedAt >= READ_INTERVAL_MS) void askForViewers();
    const due: Feed[] = [];
    for (const feed of feeds.values()) {
      if (feed.page) refresh(feed, feed.page);
      if (!feed.reading && clock.now() - feed.readAt >= READ_INTERVAL_MS) due.push(feed);
    }
    for (const feed of due.toSorted((a, b) => a.readAt - b.readAt).slice(0, MAX_READS_PER_TICK)) void readFeed(feed);
    schedule();
  };

  const schedule = (): void => {
    if (ticking) return;
    ticking = true;
    clock.after(TICK_MS, tick);
  };

  const feedFor = (identity: Identity, options: ListOptions): Feed => {
    list.authorise(identity, options);
    const key = list.keyOf(identity, options);
    const present = feeds.get(key);
    if (present) return present;
    if (feeds.size >= MAX_FEEDS)
      throw new RefusalError('OVERLOADED', `${feeds.size} different lists are watched here, the most that may be`, {
        limit: MAX_FEEDS,
        retryAfterMs: READ_INTERVAL_MS,
      });
    const feed: Feed = {
      key,
      options,
      identity,
      deliveries: new Set(),
      rows: [],
      page: undefined,
      readAt: clock.now(),
      reading: false,
      lastChange: undefined,
    };
    feeds.set(key, feed);
    void readFeed(feed);
    schedule();
    return feed;
  };

  const leave = (feed: Feed, delivery: PullDelivery<ListEvent>): void => {
    feed.deliveries.delete(delivery);
    if (feed.deliveries.size === 0 && feeds.get(feed.key) === feed) feeds.delete(feed.key);
  };

  const changeOf = (feed: Feed, from: Page, to: Page): ListEvent => {
    const { lastChange } = feed;
    if (lastChange?.from === from && lastChange.to === to) return lastChange.event;
    const event: ListEvent = {
      type: 'changes',
      changed: [...to.campaigns.values()].filter((row) => from.campaigns.get(row.campaignId) !== row),
      removed: [...from.campaigns.keys()].filter((campaignId) => !to.campaigns.has(campaignId)),
      ...endOf(to),
    };
    feed.lastChange = { from, to, event };
    return event;
  };

  viewers.provide(hosting.viewers);

  return {
    watch(caller, reader, options) {
      let feed = feedFor(reader.identity(), options);
      /** The page that this subscriber has. */
      let sent: Page | undefined;
      let closed = false;

      const nextEvent = (): ListEvent | undefined => {
        const identity = reader.identity();
        if (hasExpired(identity, clock.now())) throw expired();
        if (list.keyOf(identity, options) !== feed.key) {
          leave(feed, delivery);
          feed = feedFor(identity, options);
          feed.deliveries.add(delivery);
          sent = undefined;
        }
        const { page } = feed;
        if (!page || page === sent) return undefined;
        const before = sent;
        sent = page;
        if (before) return changeOf(feed, before, page);
        return { type: 'page', campaigns: [...page.campaigns.values()], ...endOf(page) };
      };

      const rights = new RightsWatch(reader, clock, () => delivery.wake());
      const source: PullSource<ListEvent> = {
        reader,
        get closed() {
          return closed;
        },
        nextEvent,
        markLagging: () => undefined,
        close() {
          if (closed) return false;
          closed = true;
          rights.stop();
          return true;
        },
      };
      const delivery = createPullDelivery({
        source,
        drainPoll,
        signal: caller.signal,
        onDelivered: () => undefined,
        onClose: () => leave(feed, delivery),
      });
      feed.deliveries.add(delivery);
      if (closed) leave(feed, delivery);
      return delivery;
    },

    get size() {
      return feeds.size;
    },
  };
}

/** What an event says of what lies beyond the page. */
function endOf({ nextCursor, total }: Page): Pick<ListEvent, 'nextCursor' | 'total'> {
  return { ...(nextCursor !== undefined && { nextCursor }), ...(total !== undefined && { total }) };
}

function isEqual(one: ListedCampaign, other: ListedCampaign): boolean {
  return (
    one.version === other.version &&
    one.title === other.title &&
    one.status === other.status &&
    one.owner === other.owner &&
    one.tags?.join('\u0000') === other.tags?.join('\u0000') &&
    one.updatedAt === other.updatedAt &&
    one.updatedBy === other.updatedBy &&
    one.archivedAt === other.archivedAt &&
    one.viewers === other.viewers
  );
}
