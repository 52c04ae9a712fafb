import { skipToken } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { parsePosition } from '../../../server/core/stream/position.ts';
import { toCampaignError } from '../errors.ts';
import type { CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './context.ts';
import { mergeHistory } from './history.ts';
import { trpc } from './trpc.ts';
import type { CampaignHookOptions, UseCampaignHistoryResult } from './types.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/**
 * Who changed what, and when: pages of entries, newest first, with the live ones in front.
 *
 * @example const { entries, hasNextPage, fetchNextPage } = useCampaignHistory({ limit: 30 });
 */
export function useCampaignHistory(
  options: CampaignHookOptions & { readonly limit?: number } = {},
): UseCampaignHistoryResult {
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
  const { entries, hole } = useMemo(() => mergeHistory(data?.pages ?? [], recent), [data, recent]);
  const loaded = data !== undefined;

  useEffect(() => {
    if (loaded && hole && !isFetching) void refetch();
  }, [loaded, hole, isFetching, refetch]);

  // After a reset the same versions can name other entries.
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
