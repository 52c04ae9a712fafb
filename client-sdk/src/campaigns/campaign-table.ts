import type { CampaignStatus } from '../../../server/core/document/campaign.ts';
import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import { compareListed, type ListSort } from '../../../server/core/stream/list-query.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import { openLiveStream, type StreamClient } from '../live/live-stream.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import { writable } from '../observable-value.ts';
import type { CampaignLoadStatus, Readable } from '../types.ts';

/** Which campaigns a table has, and in which order. */
export interface CampaignTableQuery {
  /** Only those with this text in id, title, owner or a tag, whatever the case; looked for by the server. */
  readonly search?: string | undefined;
  readonly status?: CampaignStatus | undefined;
  /** Only those of that `owner_id`. */
  readonly owner?: string | undefined;
  readonly tag?: string | undefined;
  /** Only archived ones, or only those that are not. Default: both. */
  readonly archived?: boolean | undefined;
  /** Default `updated`: by last change, the newest first. */
  readonly sort?: ListSort | undefined;
}

/** Campaigns by their place in an order. */
export interface CampaignTable {
  /** `pending` before the first rows, `error` where there are none to be had. */
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

interface Page {
  readonly number: number;
  campaigns: ReadonlyMap<string, ListedCampaign>;
  isLoaded: boolean;
  /** Missing while it is out of view. */
  stop: (() => void) | undefined;
}

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
  query: CampaignTableQuery = {},
  clock: Pick<Clock, 'after' | 'random'> = systemClock,
): CampaignTableStore {
  const { search, status, owner, tag, archived, sort = 'updated' } = query;
  const compare = compareListed(sort);
  const shown = writable(PENDING);
  /** By their number; the one that was in view last is the last. */
  const pages = new Map<number, Page>();
  let inView: readonly number[] = [0];
  let total = 0;
  let error: CampaignError | undefined;
  let isRunning = false;
  let stopRenewals = () => {};

  function open(page: Page): void {
    const input = {
      offset: page.number * PAGE_ROWS,
      limit: PAGE_ROWS,
      sort,
      ...(search !== undefined && search !== '' && { search }),
      ...(status !== undefined && { status }),
      ...(owner !== undefined && { owner }),
      ...(tag !== undefined && { tag }),
      ...(archived !== undefined && { archived }),
    };
    page.stop = openLiveStream<ListEvent>(
      client,
      (listener) => client.trpc.campaign.watchList.subscribe(input, listener),
      {
        onEvent: (event) => onEvent(page, event),
        onFailure(failure, isRetried) {
          // A limit is exceeded for as long as the app does not stop something.
          if (isRetried && failure.limit === undefined) return;
          error = failure;
          publish();
        },
      },
      clock,
    );
  }

  function onEvent(page: Page, event: ListEvent): void {
    const campaigns = new Map(event.type === 'changes' ? page.campaigns : []);
    for (const id of event.type === 'changes' ? event.removed : []) campaigns.delete(id);
    const changed = event.type === 'changes' ? event.changed : event.campaigns;
    for (const campaign of changed) {
      campaigns.set(campaign.campaignId, campaign);
      // It has come from there; that page's own event is on its way.
      for (const other of pages.values()) if (other !== page) remove(other, campaign.campaignId);
    }
    page.campaigns = campaigns;
    page.isLoaded = true;
    // A server that counts nothing knows no offsets either: all it has is on the first page.
    total = event.total ?? campaigns.size;
    error = undefined;
    publish();
  }

  function remove(page: Page, campaignId: string): void {
    if (!page.campaigns.has(campaignId)) return;
    page.campaigns = new Map([...page.campaigns].filter(([id]) => id !== campaignId));
  }

  function publish(): void {
    const rows = new Map<number, ListedCampaign>();
    for (const { number, campaigns } of pages.values()) {
      const sorted = [...campaigns.values()].toSorted(compare);
      for (const [index, campaign] of sorted.entries()) rows.set(number * PAGE_ROWS + index, campaign);
    }
    const isLoaded = [...pages.values()].some((page) => page.isLoaded);
    shown.set({ status: error ? 'error' : isLoaded ? 'success' : 'pending', total, rows, error });
  }

  /** Opens what is in view, closes what is not, and forgets what has been out of view for long. */
  function follow(): void {
    if (!isRunning) return;
    for (const number of inView) {
      const page = pages.get(number) ?? { number, campaigns: new Map(), isLoaded: false, stop: undefined };
      pages.delete(number);
      pages.set(number, page);
      if (!page.stop) open(page);
    }
    for (const page of pages.values()) if (!inView.includes(page.number)) close(page);
    for (const number of pages.keys()) {
      if (pages.size <= MAX_KEPT_PAGES) break;
      pages.delete(number);
    }
  }

  function close(page: Page): void {
    page.stop?.();
    page.stop = undefined;
  }

  function start(): void {
    isRunning = true;
    follow();
    stopRenewals = client.onRenewed(() => {
      if (!error) return;
      stop();
      error = undefined;
      start();
    });
  }

  function stop(): void {
    isRunning = false;
    for (const page of pages.values()) close(page);
    stopRenewals();
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
