import { skipToken } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { parsePosition } from '../../../server/core/stream/position.ts';
import { toCampaignError } from '../errors.ts';
import type { CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import { mergeHistory } from '../history/merge-history.ts';
import { trpc } from './trpc.ts';
import type { CampaignHookOptions, UseCampaignHistoryResult } from './types.ts';
import { shallowEqual } from '../views/shallow-equal.ts';
import { useSelected } from './use-selected.ts';

/** Options of {@link useCampaignHistory}. */
export interface UseCampaignHistoryOptions extends CampaignHookOptions {
  /** Entries per page. Default: the server's. */
  readonly limit?: number | undefined;
}

/**
 * The history of a campaign: who changed what, and when. Pages of entries, newest first, with live entries in front.
 *
 * @example const { entries, hasNextPage, fetchNextPage } = useCampaignHistory({ limit: 30 });
 */
export function useCampaignHistory(options: UseCampaignHistoryOptions = {}): UseCampaignHistoryResult {
  const { limit, enabled = true } = options;
  const { campaignId, epoch, recent } = useSelected(useCampaignHandle(options.campaignId), liveOf, {
    isEqual: shallowEqual,
    enabled,
  });
  const query = trpc.campaign.history.useInfiniteQuery(
    campaignId === undefined ? skipToken : { campaignId, ...(limit !== undefined && { limit }) },
    { enabled: enabled && epoch !== undefined, getNextPageParam: (page) => page.nextCursor },
  );
  const { data, isFetching, refetch } = query;
  const { entries, hasGap } = useMemo(() => mergeHistory(data?.pages ?? [], recent), [data, recent]);
  const isLoaded = data !== undefined;

  useEffect(() => {
    if (isLoaded && hasGap && !isFetching) void refetch();
  }, [isLoaded, hasGap, isFetching, refetch]);

  // In another epoch the same versions can name other entries.
  useEffect(() => {
    if (epoch !== undefined) void refetch({ cancelRefetch: false });
  }, [epoch, refetch]);

  return {
    entries,
    status: query.status,
    error: query.error ? toCampaignError(query.error) : undefined,
    hasNextPage: query.hasNextPage,
    isFetchingNextPage: query.isFetchingNextPage,
    fetchNextPage: () => void query.fetchNextPage(),
  };
}

function liveOf({ campaignId, position, recentEntries }: CampaignSnapshot) {
  const epoch = position === undefined ? undefined : parsePosition(position)?.epoch;
  return { campaignId, epoch, recent: recentEntries };
}
