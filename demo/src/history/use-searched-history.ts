import { useEffect, useEffectEvent, useMemo } from 'react';
import type { Entry } from '@campaign-state/client';
import { trpc, useAccess, useCampaignHistory, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Refused } from '../status/say-refusal.ts';
import { isEverything, matches, pathOf, timesOf, type HistoryFilter } from './history-filter.ts';

/** The part of a history that is looked for. */
export interface SearchedHistory {
  readonly entries: readonly Entry[];
  readonly status: 'pending' | 'error' | 'success';
  readonly error: Refused | undefined | null;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly loadMore: () => void;
}

/** Entries that are asked for at once: as many as the server gives. */
const PAGE = 100;

/**
 * A history, live where nothing is looked for. Admins search all of it on the server; others what is loaded, page by
 * page, for the server answers such questions to admins alone.
 */
export function useSearchedHistory(filter: HistoryFilter): SearchedHistory {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { mayAdminister } = useAccess();
  const isSearch = !isEverything(filter);
  const live = useCampaignHistory({ limit: PAGE });
  const path = pathOf(filter);
  const person = filter.person.trim();
  const audit = trpc.audit.query.useInfiniteQuery(
    { campaignId, ...timesOf(filter), ...(person !== '' && { actor: person }), ...(path.length > 0 && { path }) },
    { enabled: isSearch && mayAdminister, getNextPageParam: ({ nextCursor }) => nextCursor, retry: false },
  );
  const isOnServer = isSearch && mayAdminister && !audit.isError;
  const { entries } = live;
  const pages = audit.data?.pages;
  // The same list until there is another one: thousands of entries are grouped and drawn by it.
  const found = useMemo(() => {
    if (isOnServer) return pages?.flatMap(({ items }) => items.map(({ entry }) => entry)) ?? [];
    return isSearch ? entries.filter((entry) => matches(entry, filter)) : entries;
  }, [isOnServer, isSearch, pages, entries, filter]);
  const hasMore = isOnServer ? audit.hasNextPage : live.hasNextPage;
  const isLoading = isOnServer ? audit.isFetching : live.isFetchingNextPage;
  const loadMore = isOnServer ? () => void audit.fetchNextPage() : live.fetchNextPage;

  // A part of the answer can be without a match, and there is more: looking goes on until something is found.
  const goesOn = isSearch && found.length === 0 && hasMore && !isLoading;
  const goOn = useEffectEvent(loadMore);
  useEffect(() => {
    if (goesOn) goOn();
  }, [goesOn]);

  return {
    entries: found,
    status: isOnServer ? audit.status : live.status,
    error: isOnServer ? audit.error : live.error,
    hasMore,
    isLoading,
    loadMore,
  };
}
