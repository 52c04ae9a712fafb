import { parsePosition } from '../../../server/core/stream/position.ts';
import type { Entry } from '../../../server/core/stream/entry.ts';
import { systemClock, type Clock } from '../clock.ts';
import { toCampaignError, type CampaignError } from '../errors.ts';
import { storeWhileNeeded } from '../live/store-while-needed.ts';
import { writable } from '../observable-value.ts';
import type { CampaignClient, CampaignLoadStatus, CampaignSnapshot, Readable } from '../types.ts';
import { mergeHistory } from './merge-history.ts';

/** The history of a campaign: who changed what, and when. */
export interface HistoryView {
  /** Newest first, live entries included. */
  readonly entries: readonly Entry[];
  readonly status: CampaignLoadStatus;
  readonly error: CampaignError | undefined;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  /** Loads the next page of older entries. */
  readonly fetchNextPage: () => void;
}

export interface HistoryOptions {
  /** Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
  /** Entries per page. Default: the server's. */
  readonly limit?: number | undefined;
}

type Page = Awaited<ReturnType<CampaignClient['trpc']['campaign']['history']['query']>>;

/** How long what was read stays after the last subscriber has left, in milliseconds. */
const RELEASE_AFTER_MS = 2_000;

/**
 * The history of a campaign as a store: pages of entries, newest first, with live entries in front.
 *
 * @example
 * const history = campaignHistory(client, { campaignId: 'spring', limit: 30 });
 * const stop = history.subscribe(() => console.log(history.getSnapshot().entries.length));
 */
export function campaignHistory(
  client: CampaignClient,
  { campaignId, limit }: HistoryOptions = {},
  clock: Pick<Clock, 'after'> = systemClock,
): Readable<HistoryView> {
  const campaign = client.campaign(campaignId);
  let pages: readonly Page[] = [];
  let error: CampaignError | undefined;
  /** The reading that is under way; a later one makes its answer void. */
  let reading: object | undefined;
  let epoch: string | undefined;
  let stopLive = () => {};

  const nothing: HistoryView = {
    entries: [],
    status: 'pending',
    error: undefined,
    hasNextPage: false,
    isFetchingNextPage: false,
    fetchNextPage: () => void (shown.getSnapshot().hasNextPage && !reading && read()),
  };
  const shown = writable(nothing);

  /** Reads the page behind the last one; from the first one on with `isAnew`. */
  async function read(isAnew = false): Promise<void> {
    const { campaignId: id } = campaign.getSnapshot();
    if (id === undefined) return;
    const current = {};
    reading = current;
    publish();
    const cursor = isAnew ? undefined : pages.at(-1)?.nextCursor;
    try {
      const page = await client.trpc.campaign.history.query({
        campaignId: id,
        ...(limit !== undefined && { limit }),
        ...(cursor !== undefined && { cursor }),
      });
      if (reading !== current) return;
      pages = isAnew ? [page] : [...pages, page];
      error = undefined;
    } catch (thrown) {
      if (reading !== current) return;
      error = toCampaignError(thrown);
    }
    reading = undefined;
    publish();
  }

  function onChange(): void {
    const snapshot = campaign.getSnapshot();
    const now = epochOf(snapshot);
    // In another epoch the same versions can name other entries.
    const isForked = now !== undefined && now !== epoch;
    epoch = now ?? epoch;
    if (isForked || (!reading && merged(snapshot).hasGap && pages.length > 0)) void read(true);
    else publish();
  }

  function merged({ recentEntries }: CampaignSnapshot) {
    return mergeHistory(pages, recentEntries);
  }

  function publish(): void {
    shown.set({
      ...nothing,
      entries: pages.length > 0 ? merged(campaign.getSnapshot()).entries : nothing.entries,
      status: pages.length > 0 ? 'success' : error ? 'error' : 'pending',
      error,
      hasNextPage: pages.at(-1)?.nextCursor !== undefined,
      isFetchingNextPage: reading !== undefined && pages.length > 0,
    });
  }

  return storeWhileNeeded(
    shown,
    {
      start() {
        const stops = [campaign.subscribe(onChange), client.onRenewed(() => error && void read(true))];
        stopLive = () => stops.forEach((stop) => stop());
        onChange();
      },
      stop() {
        stopLive();
        reading = epoch = error = undefined;
        pages = [];
        shown.set(nothing);
      },
    },
    clock,
    RELEASE_AFTER_MS,
  );
}

function epochOf({ position }: CampaignSnapshot): string | undefined {
  return position === undefined ? undefined : parsePosition(position)?.epoch;
}
