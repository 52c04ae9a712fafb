import { QueryClient, QueryClientContext, QueryClientProvider } from '@tanstack/react-query';
import { useContext, useMemo, useState, type ReactNode } from 'react';
import type { CampaignClient } from '../types.ts';
import { CampaignContext } from './context.ts';
import { trpc } from './trpc.ts';

export interface CampaignProviderProps {
  /** Made once, outside of components: see the README. */
  readonly client: CampaignClient;
  /** The campaign of the hooks below that name none. Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
  /** TanStack Query's client. Default: that of the `QueryClientProvider` above, else a new one. */
  readonly queryClient?: QueryClient | undefined;
  readonly children?: ReactNode;
}

/**
 * Provides a client, and a campaign, to the hooks below.
 *
 * @example <CampaignProvider client={client} campaignId="ovasabi_website"><App /></CampaignProvider>
 */
export function CampaignProvider({ client, campaignId, queryClient, children }: CampaignProviderProps) {
  const above = useContext(QueryClientContext);
  const [own] = useState(() => queryClient ?? above ?? new QueryClient());
  const queries = queryClient ?? above ?? own;
  const value = useMemo(() => ({ client, campaignId }), [client, campaignId]);
  return (
    <QueryClientProvider client={queries}>
      <trpc.Provider client={client.trpc} queryClient={queries}>
        <CampaignContext.Provider value={value}>{children}</CampaignContext.Provider>
      </trpc.Provider>
    </QueryClientProvider>
  );
}
