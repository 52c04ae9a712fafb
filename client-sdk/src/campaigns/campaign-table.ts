import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import { compareListed, type ListSort } from '../../../server/core/stream/list-query.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import type { StreamClient } from '../live/live-stream.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import { writable } from '../observable-value.ts';
import type { CampaignLoadStatus, Readable } from '../types.ts';
import { errorIn, listPage, reopenRefused, type CampaignQuery, type ListPage } from './list-stream.ts';

/** Which campaigns a table has, and in which order. */
export interface CampaignTableQuery extends CampaignQuery {
  /** Default `updated`: by last change, the newest first. */
  readonly sort?: ListSort | undefined;
}

/** Campaigns by their place in an order. */
export interface CampaignTable {
  /** `pending` before the first rows, `error` where rows in view are refused. */
  readonly status: CampaignLoadStatus;
  /** Campaigns altogether, loaded or not. */
  readonly total: number;
  /** Those that are known, by their place, from 0. What a restricted view hides is missing. */
  readonly rows: ReadonlyMap<number, ListedCampaign>;
  readonly error: CampaignError | undefined;
}

/** A table as a store: the streams of its rows in view are open while anyone subscribes. */
export interface CampaignTableStore extends Readable<CampaignTable> {
  /** Says which rows are in view, by their places; these are loaded, and live. At most 200. */
  readonly show: (first: number, last: number) => void;
}

/** Rows of a page; each page in view is one stream of the server's. */
const PAGE_ROWS = 50;
/** Pages that are live at once: those of 200 rows, wherever they begin. */
const MAX_LIVE_PAGES = 5;
/** Pages whose rows are remembered when they are out of view. */
const MAX_KEPT_PAGES = 20;
/** How long the streams stay after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 2_000;

const PENDING: CampaignTable = Object.freeze({ status: 'pending', total: 0, rows: new Map(), error: undefined });

/**
 * The campaigns that this client may see, as a long table of which a part is in view: only that part is loaded, and
 * live, so that ten thousand campaigns cost what ten do. What is created, renamed or changed moves to its place.
 *
 * @example
 * const table = campaignTable(client, { search: 'spring', sort: 'title' });
 * table.show(0, 30);
 * table.subscribe(() => console.log(table.getSnapshot().total, table.getSnapshot().rows.get(0)?.title));
 */
export function campaignTable(
  client: StreamClient,
  { sort = 'updated', ...query }: CampaignTableQuery = {},
  clock: Pick<Clock, 'after' | 'random'> = systemClock,
): CampaignTableStore {
  const compare = compareListed(sort);
  const shown = writable(PENDING);
  /** By their number; the one that was in view last is the last. */
  const pages = new Map<number, ListPage>();
  let inView: readonly number[] = [0];
  let total = 0;
  let isRunning = false;
  let stopRenewals = () => {};

  function pageOf(number: number): ListPage {
    const page = listPage({
      client,
      query,
      place: { offset: number * PAGE_ROWS, limit: PAGE_ROWS, sort },
      onEvent: (event) => onEvent(page, event),
      onFailure: publish,
      clock,
    });
    return page;
  }

  function onEvent(page: ListPage, event: ListEvent): void {
    for (const { campaignId } of event.type === 'changes' ? event.changed : event.campaigns)
      // It has come from there; that page's own event is on its way.
      for (const other of pages.values()) if (other !== page) other.drop(campaignId);
    // A server that counts nothing knows no offsets either: all it has is on the first page.
    total = event.total ?? page.campaigns.size;
    publish();
  }

  function publish(): void {
    const rows = new Map<number, ListedCampaign>();
    for (const [number, { campaigns }] of pages) {
      const sorted = [...campaigns.values()].toSorted(compare);
      for (const [index, campaign] of sorted.entries()) rows.set(number * PAGE_ROWS + index, campaign);
    }
    const isLoaded = [...pages.values()].some((page) => page.isLoaded);
    const error = errorIn(pages.values());
    shown.set({ status: error ? 'error' : isLoaded ? 'success' : 'pending', total, rows, error });
  }

  /** Opens what is in view, closes what is not, and forgets what has been out of view for long. */
  function follow(): void {
    if (!isRunning) return;
    for (const number of inView) {
      const page = pages.get(number) ?? pageOf(number);
      pages.delete(number);
      pages.set(number, page);
      page.open();
    }
    for (const [number, page] of pages) if (!inView.includes(number)) page.close();
    for (const number of pages.keys()) {
      if (pages.size <= MAX_KEPT_PAGES) break;
      pages.delete(number);
    }
    // What is out of view is not refused any more.
    if (shown.getSnapshot().error !== errorIn(pages.values())) publish();
  }

  function start(): void {
    isRunning = true;
    follow();
    stopRenewals = client.onRenewed(({ isOtherUser }) => {
      if (!isOtherUser) return reopenRefused(pages.values());
      forget();
      follow();
    });
  }

  /** Who comes next may be somebody else. */
  function forget(): void {
    for (const page of pages.values()) page.close();
    pages.clear();
    total = 0;
    shown.set(PENDING);
  }

  function stop(): void {
    isRunning = false;
    stopRenewals();
    forget();
  }

  return {
    ...storeWhileNeeded(shown, { start, stop }, clock, RELEASE_AFTER_MS),
    show(first, last) {
      const from = Math.max(0, Math.floor(first / PAGE_ROWS));
      const to = Math.max(from, Math.floor(last / PAGE_ROWS));
      const next = Array.from({ length: Math.min(to - from + 1, MAX_LIVE_PAGES) }, (_, index) => from + index);
      if (next.join() === inView.join()) return;
      inView = next;
      follow();
    },
  };
}
