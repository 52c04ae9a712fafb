import { QueryClient, QueryClientContext, QueryClientProvider } from '@tanstack/react-query';
import { useContext, useMemo, type ReactNode } from 'react';
import type { CampaignClientOptions } from '../../client.ts';
import type { CampaignClient } from '../../types.ts';
import { queriesOf } from './client-queries.ts';
import { CampaignContext } from './context.ts';
import { trpc } from '../trpc.ts';
import { useOwnedClient } from './use-owned-client.ts';

interface CommonProps {
  /** The campaign of the hooks below that name none. Default: the server's default campaign. */
  readonly campaignId?: string | undefined;
  /** TanStack Query's client. Default: that of the `QueryClientProvider` above, else a new one for each client. */
  readonly queryClient?: QueryClient | undefined;
  readonly children?: ReactNode;
}

/** Either a client that the app has made, or the options of one that the provider makes and closes. */
export type CampaignProviderProps = CommonProps &
  (
    | {
        /** Made once, outside of components; the app closes it. */
        readonly client: CampaignClient;
        readonly url?: undefined;
      }
    | (CampaignClientOptions & { readonly client?: undefined })
  );

/**
 * Provides a client, and a campaign, to the hooks below.
 *
 * With `client`, the client is the app's. With `url` and any other option of `createCampaignClient`, the provider makes
 * the client, and closes it when it is unmounted for good: StrictMode, Fast Refresh and renders that React discards
 * leave nothing open. Another `url` or `persist` makes another client; another `token` is passed on; the other options
 * are those of the first render.
 *
 * @example
 * <CampaignProvider client={client} campaignId="ovasabi_website"><App /></CampaignProvider>
 * <CampaignProvider url="https://campaigns.example.com" token={getToken} persist={userId}><App /></CampaignProvider>
 */
export function CampaignProvider(props: CampaignProviderProps) {
  const { campaignId, queryClient, children } = props;
  const owned = useOwnedClient(props.client ? undefined : props);
  const client = props.client ?? owned;
  const above = useContext(QueryClientContext);
  const own = useMemo(() => client && new QueryClient(), [client]);
  const shared = queryClient ?? above ?? own;
  // What one client was answered is not shown by another one.
  const queries = useMemo(() => client && shared && queriesOf(shared, client, keyOf(client)), [client, shared]);
  const value = useMemo(() => client && { client, campaignId }, [client, campaignId]);
  if (!client || !value || !shared || !queries) throw new TypeError('<CampaignProvider> needs a client or a url');
  return (
    // Queries that are mounted keep their cache; those of another client are mounted anew.
    <QueryClientProvider key={keyOf(client)} client={shared}>
      <trpc.Provider client={client.trpc} queryClient={queries}>
        <CampaignContext.Provider value={value}>{children}</CampaignContext.Provider>
      </trpc.Provider>
    </QueryClientProvider>
  );
}

const keys = new WeakMap<CampaignClient, number>();
let newest = 0;

/** A key for each client. */
function keyOf(client: CampaignClient): number {
  const key = keys.get(client) ?? (newest += 1);
  keys.set(client, key);
  return key;
}
