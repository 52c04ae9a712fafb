import { createTRPCReact, type CreateTRPCReact } from '@trpc/react-query';
import type { AppRouter } from '../../../server/api/procedures/router.ts';

type Everything = CreateTRPCReact<AppRouter, unknown>;

/**
 * They go through the campaign's own handle, which shows them early and keeps their order; here they would pass that
 * by.
 */
type CampaignMutation = 'update' | 'updateFeatures' | 'updateConfig' | 'batch' | 'push' | 'rollback';

export type CampaignTrpc = Omit<Everything, 'campaign'> & {
  readonly campaign: Omit<Everything['campaign'], CampaignMutation>;
};

/**
 * TanStack Query's hooks for what has no stream of its own.
 *
 * @example const pages = trpc.campaign.list.useInfiniteQuery({ limit: 20 }, { getNextPageParam: (page) =>
 *   page.nextCursor });
 */
export const trpc: CampaignTrpc = createTRPCReact<AppRouter>();

/** The key under which a query stands in TanStack Query's cache, for `invalidateQueries` and the like. */
export { getQueryKey } from '@trpc/react-query';
