import type { ListedCampaign } from '../../../server/core/stream/list-events.ts';
import { compareListed } from '../../../server/core/stream/list-query.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import type { StreamClient } from '../live/live-stream.ts';
import { writable } from '../observable-value.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import type { CampaignLoadStatus, Readable } from '../types.ts';
import { errorIn, listPage, reopenRefused, type CampaignQuery, type ListPage } from './list-stream.ts';

/** Which campaigns are listed. */
export interface CampaignFilter extends CampaignQuery {
  /** Campaigns per page, at most 100. Default: the server's, 50. */
  readonly limit?: number | undefined;
}

/** A live list of campaigns. */
export interface CampaignList {
  /** `pending` before the first page, `error` where one of its pages is refused. */
  readonly status: CampaignLoadStatus;
  /** By id. What a restricted view hides is missing. */
  readonly campaigns: readonly ListedCampaign[];
  /** Whether there are more than have been loaded: `loadMore` loads the next page. */
  readonly hasMore: boolean;
  readonly error: CampaignError | undefined;
}

/** A live list as a store: its stream is open while anyone subscribes. */
export interface CampaignListStore extends Readable<CampaignList> {
  readonly loadMore: () => void;
}

const byId = compareListed('id');
/** How long the streams stay after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 2_000;

/** A page, and where it begins. */
interface Placed {
  readonly cursor: string | undefined;
  readonly page: ListPage;
}

const PENDING: CampaignList = Object.freeze({
  status: 'pending',
  campaigns: Object.freeze([]),
  hasMore: false,
  error: undefined,
});

/**
 * The campaigns that this client may see, live: created ones come, archived and renamed ones change, in every page that
 * is loaded. Each page is one stream of the server's.
 *
 * @example
 * const list = listCampaigns(client, { status: 'active', search: 'spring' });
 * const stop = list.subscribe(() => console.log(list.getSnapshot().campaigns.map(({ title }) => title)));
 */
export function listCampaigns(
  client: StreamClient,
  { limit, ...query }: CampaignFilter = {},
  clock: Pick<Clock, 'after' | 'random'> = systemClock,
): CampaignListStore {
  const shown = writable(PENDING);
  let placed: Placed[] = [];
  let stopRenewals = () => {};

  /** Opens another page behind the others. */
  function open(cursor?: string, known: ListPage['campaigns'] = new Map()): void {
    const page = listPage({
      client,
      query,
      place: { cursor, limit },
      known,
      onEvent: () => onEvent(page),
      onFailure: publish,
      clock,
    });
    placed.push({ cursor, page });
    page.open();
  }

  function onEvent(page: ListPage): void {
    const next = placed[placed.findIndex((one) => one.page === page) + 1];
    // Where this page ends otherwise than before, the next one begins there.
    if (next && next.cursor !== page.nextCursor) replaceFollowing(page);
    publish();
  }

  function replaceFollowing(page: ListPage): void {
    const following = placed.splice(placed.findIndex((one) => one.page === page) + 1);
    for (const one of following) one.page.close();
    if (page.nextCursor === undefined) return;
    // What is known is shown until the first event of the new stream.
    open(page.nextCursor, new Map(following.flatMap((one) => [...one.page.campaigns])));
  }

  function loadMore(): void {
    const cursor = placed.at(-1)?.page.nextCursor;
    if (cursor !== undefined) open(cursor);
  }

  function publish(): void {
    const pages = placed.map(({ page }) => page);
    const all = new Map(pages.flatMap(({ campaigns }) => [...campaigns]));
    const last = pages.at(-1);
    const error = errorIn(pages);
    shown.set({
      status: error ? 'error' : pages[0]?.isLoaded === true ? 'success' : 'pending',
      campaigns: [...all.values()].toSorted(byId),
      hasMore: last?.isLoaded === true && last.nextCursor !== undefined,
      error,
    });
  }

  function start(): void {
    open();
    stopRenewals = client.onRenewed(({ isOtherUser }) => {
      if (!isOtherUser) return reopenRefused(placed.map(({ page }) => page));
      forget();
      open();
    });
  }

  /** Who comes next may be somebody else. */
  function forget(): void {
    for (const { page } of placed) page.close();
    placed = [];
    shown.set(PENDING);
  }

  function stop(): void {
    stopRenewals();
    forget();
  }

  return { ...storeWhileNeeded(shown, { start, stop }, clock, RELEASE_AFTER_MS), loadMore };
}
