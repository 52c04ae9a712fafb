import type { CampaignStatus } from '../../../server/core/document/campaign.ts';
import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import { compareListed } from '../../../server/core/stream/list-query.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import { openLiveStream, type StreamClient } from '../live/live-stream.ts';
import { writable } from '../observable-value.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import type { CampaignLoadStatus, Readable } from '../types.ts';

/** Which campaigns are listed. */
export interface CampaignFilter {
  /** Only those of that status. */
  readonly status?: CampaignStatus | undefined;
  /**
   * Only those with this text in id, title, owner or a tag, whatever the case. The server looks for it, in the fields
   * that the caller may see.
   */
  readonly search?: string | undefined;
  /** Only those of that `owner_id`. */
  readonly owner?: string | undefined;
  readonly tag?: string | undefined;
  /** Only archived ones, or only those that are not. Default: both. */
  readonly archived?: boolean | undefined;
  /** Campaigns per page, at most 100. Default: the server's, 50. */
  readonly limit?: number | undefined;
}

/** A live list of campaigns. */
export interface CampaignList {
  /** `pending` before the first page, `error` where there is none to be had. */
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

/** A page, and the stream that keeps it live. */
interface Page {
  readonly cursor: string | undefined;
  campaigns: ReadonlyMap<string, ListedCampaign>;
  nextCursor: string | undefined;
  isLoaded: boolean;
  stop: () => void;
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
  filter: CampaignFilter = {},
  clock: Pick<Clock, 'after' | 'random'> = systemClock,
): CampaignListStore {
  const { status, search = '', owner, tag, archived, limit } = filter;
  const shown = writable(PENDING);
  let pages: Page[] = [];
  let error: CampaignError | undefined;
  let stopRenewals = () => {};

  /** Opens another page behind the others. */
  function open(cursor?: string, campaigns: Page['campaigns'] = new Map()): void {
    const page: Page = { cursor, campaigns, nextCursor: undefined, isLoaded: false, stop: () => {} };
    pages.push(page);
    const input = {
      ...(cursor !== undefined && { cursor }),
      ...(status && { status }),
      ...(search !== '' && { search }),
      ...(owner !== undefined && { owner }),
      ...(tag !== undefined && { tag }),
      ...(archived !== undefined && { archived }),
      ...(limit && { limit }),
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
    const removed = new Set(event.type === 'changes' ? event.removed : page.campaigns.keys());
    const changed = event.type === 'changes' ? event.changed : event.campaigns;
    const kept = [...page.campaigns].filter(([campaignId]) => !removed.has(campaignId));
    page.campaigns = new Map([...kept, ...changed.map((campaign) => [campaign.campaignId, campaign] as const)]);
    page.nextCursor = event.nextCursor;
    page.isLoaded = true;
    error = undefined;
    const next = pages[pages.indexOf(page) + 1];
    // Where this page ends otherwise than before, the next one begins there.
    if (next && next.cursor !== page.nextCursor) replaceFollowing(page);
    publish();
  }

  function replaceFollowing(page: Page): void {
    const following = pages.splice(pages.indexOf(page) + 1);
    for (const one of following) one.stop();
    if (page.nextCursor === undefined) return;
    // What is known is shown until the first event of the new stream.
    open(page.nextCursor, new Map(following.flatMap(({ campaigns }) => [...campaigns])));
  }

  function loadMore(): void {
    const last = pages.at(-1);
    if (last?.nextCursor !== undefined) open(last.nextCursor);
  }

  function publish(): void {
    const all = new Map(pages.flatMap(({ campaigns }) => [...campaigns]));
    const last = pages.at(-1);
    shown.set({
      status: error ? 'error' : pages[0]?.isLoaded === true ? 'success' : 'pending',
      campaigns: [...all.values()].toSorted(byId),
      hasMore: last?.isLoaded === true && last.nextCursor !== undefined,
      error,
    });
  }

  function start(): void {
    pages = [];
    open();
    stopRenewals = client.onRenewed(() => {
      if (error) restart();
    });
  }

  function stop(): void {
    for (const page of pages) page.stop();
    stopRenewals();
  }

  function restart(): void {
    stop();
    error = undefined;
    start();
  }

  return { ...storeWhileNeeded(shown, { start, stop }, clock, RELEASE_AFTER_MS), loadMore };
}
