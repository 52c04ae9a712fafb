import { createTRPCReact, type CreateTRPCReact } from '@trpc/react-query';
import type { EditCommand, RollbackCommand } from '../../../server/core/commands/command.ts';
import type { AppRouter } from '../../../server/api/procedures/router.ts';

type Everything = CreateTRPCReact<AppRouter, unknown>;

/**
 * The mutations that are left out here: the campaign's handle makes them, with optimistic updates and in order, and
 * calls of their own would bypass both. Every command that the SDK sends is among them, by its type.
 */
type BypassingMutation = EditCommand['type'] | RollbackCommand['type'] | 'push';

/** TanStack Query's hooks for the server's procedures, without those that would bypass a campaign's handle. */
export type CampaignTrpc = Omit<Everything, 'campaign'> & {
  readonly campaign: Omit<Everything['campaign'], BypassingMutation>;
};

/**
 * TanStack Query's hooks for procedures that have no live stream: lists, history pages, administration.
 *
 * @example const pages = trpc.campaign.list.useInfiniteQuery({ limit: 20 }, { getNextPageParam: (page) =>
 *   page.nextCursor });
 */
export const trpc: CampaignTrpc = createTRPCReact<AppRouter>();

/** The key of a query in TanStack Query's cache, for `invalidateQueries` and the like. */
export { getQueryKey } from '@trpc/react-query';
