import type { CampaignStatus } from '../../../server/core/document/campaign.ts';
import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import type { ListFilter, ListSort } from '../../../server/core/stream/list-query.ts';
import type { Clock } from '../clock.ts';
import type { CampaignError } from '../errors.ts';
import { openLiveStream, type StreamClient } from '../live/live-stream.ts';

/** Which campaigns a list has: of each member those that have it, and without it all. */
export interface CampaignQuery extends Omit<ListFilter, 'status'> {
  /** Only those of that status. */
  readonly status?: CampaignStatus | undefined;
}

/** Which part of a list a page is: behind a cursor, or from a place in an order. */
interface PagePlace {
  readonly cursor?: string | undefined;
  readonly offset?: number | undefined;
  readonly sort?: ListSort | undefined;
  readonly limit?: number | undefined;
}

/** One page of a list, which is live while it is open. */
export interface ListPage {
  readonly campaigns: ReadonlyMap<string, ListedCampaign>;
  /** Of the page behind it; `undefined` on the last one. */
  readonly nextCursor: string | undefined;
  readonly isLoaded: boolean;
  /** Why it is not live; its own, so that what another page is answered hides nothing. */
  readonly error: CampaignError | undefined;
  /** Nothing where it is open already. */
  readonly open: () => void;
  /** What is known stays. */
  readonly close: () => void;
  /** Without that campaign, which has come to stand on another page. */
  readonly drop: (campaignId: string) => void;
}

interface ListPageOptions {
  readonly client: StreamClient;
  readonly query: CampaignQuery;
  readonly place: PagePlace;
  /** What is shown until it is answered. */
  readonly known?: ReadonlyMap<string, ListedCampaign>;
  /** The page has changed, by that event. */
  readonly onEvent: (event: ListEvent) => void;
  /** It is not live, and its error says why. */
  readonly onFailure: () => void;
  readonly clock: Pick<Clock, 'after' | 'random'>;
}

/** A page of a list; closed at first. */
export function listPage(options: ListPageOptions): ListPage {
  const { client, query, place, known = new Map(), onEvent, onFailure, clock } = options;
  let campaigns = known;
  let nextCursor: string | undefined;
  let isLoaded = false;
  let error: CampaignError | undefined;
  let stop: (() => void) | undefined;

  function take(event: ListEvent): void {
    const removed = new Set(event.type === 'changes' ? event.removed : campaigns.keys());
    const changed = event.type === 'changes' ? event.changed : event.campaigns;
    const kept = [...campaigns].filter(([campaignId]) => !removed.has(campaignId));
    campaigns = new Map([...kept, ...changed.map((campaign) => [campaign.campaignId, campaign] as const)]);
    nextCursor = event.nextCursor;
    isLoaded = true;
    error = undefined;
    onEvent(event);
  }

  return {
    get campaigns() {
      return campaigns;
    },
    get nextCursor() {
      return nextCursor;
    },
    get isLoaded() {
      return isLoaded;
    },
    get error() {
      return error;
    },
    open() {
      if (stop) return;
      error = undefined;
      stop = openLiveStream<ListEvent>(
        client,
        (listener) => client.trpc.campaign.watchList.subscribe(inputOf(query, place), listener),
        {
          onEvent: take,
          onFailure(failure, isRetried) {
            // A limit is exceeded for as long as the app does not stop something.
            if (isRetried && failure.limit === undefined) return;
            error = failure;
            onFailure();
          },
        },
        clock,
      );
    },
    close() {
      stop?.();
      stop = error = undefined;
    },
    drop(campaignId) {
      if (campaigns.has(campaignId)) campaigns = new Map([...campaigns].filter(([id]) => id !== campaignId));
    },
  };
}

/** With other rights what was refused may be readable: those pages are asked for again. */
export function reopenRefused(pages: Iterable<ListPage>): void {
  for (const page of [...pages].filter(({ error }) => error !== undefined)) {
    page.close();
    page.open();
  }
}

/** The error of a list: that of the first of its pages which has one. */
export function errorIn(pages: Iterable<ListPage>): CampaignError | undefined {
  return [...pages].find(({ error }) => error !== undefined)?.error;
}

/** What the server is asked for: without what is not narrowed by, and without what is no word to look for. */
function inputOf({ status, search = '', owner, tag, archived }: CampaignQuery, place: PagePlace) {
  const { cursor, offset, sort, limit = 0 } = place;
  return {
    ...(cursor !== undefined && { cursor }),
    ...(offset !== undefined && { offset }),
    ...(sort !== undefined && { sort }),
    ...(limit > 0 && { limit }),
    ...(status !== undefined && { status }),
    ...(search !== '' && { search }),
    ...(owner !== undefined && { owner }),
    ...(tag !== undefined && { tag }),
    ...(archived !== undefined && { archived }),
  };
}
