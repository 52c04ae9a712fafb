import { QueryClient, QueryClientContext, QueryClientProvider } from '@tanstack/react-query';
import { useContext, useMemo, useState, type ReactNode } from 'react';
import type { CampaignClient } from '../types.ts';
import { CampaignContext } from './context.ts';
import { trpc } from './trpc.ts';

export interface CampaignProviderProps {
  readonly client: CampaignClient;
  /** The campaign that hooks below read unless they name another. Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
  /** The app's own, if it has one; else that of a `QueryClientProvider` above, else one is made. */
  readonly queryClient?: QueryClient | undefined;
  readonly children?: ReactNode;
}

/**
 * Makes a client known to the hooks below.
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
