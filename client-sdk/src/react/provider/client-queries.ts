import { hashKey, QueryClient } from '@tanstack/react-query';
import type { CampaignClient } from '../../types.ts';

/** The member of an entry's `meta` that says whose it is. */
const OWNER = 'campaignClient';

/** The views of the open clients, by the `QueryClient` that they share. */
const viewsBy = new WeakMap<QueryClient, Map<CampaignClient, QueryClient>>();

/**
 * The queries of one client in a `QueryClient` that several may share, as those of two servers or two users do: the
 * same cache, defaults and keys, but with entries of its own. They are removed when the client is closed, and asked
 * for again when it comes to be another user's.
 *
 * @param owner names the client
 */
export function queriesOf(shared: QueryClient, client: CampaignClient, owner: number): QueryClient {
  const views = viewsBy.get(shared) ?? new Map<CampaignClient, QueryClient>();
  viewsBy.set(shared, views);
  const known = views.get(client);
  if (known) return known;
  // The only client has the usual names, so that a page rendered on a server is taken over.
  const view = viewOf(shared, owner, views.size === 0 ? '' : `${owner}:`);
  const isOwn = ({ meta }: { readonly meta?: Record<string, unknown> | undefined }) => meta?.[OWNER] === owner;

  function onConnection(): void {
    if (client.connection.getSnapshot().status !== 'closed') return;
    for (const query of shared.getQueryCache().findAll({ predicate: isOwn })) {
      // Whoever shows it is told.
      query.reset();
      shared.getQueryCache().remove(query);
    }
    for (const mutation of shared.getMutationCache().findAll({ predicate: isOwn }))
      shared.getMutationCache().remove(mutation);
    views.delete(client);
    stop();
    stopRenewals();
  }
  const stop = client.connection.subscribe(onConnection);
  const stopRenewals = client.onRenewed(({ isOtherUser }) => {
    if (isOtherUser) void shared.resetQueries({ predicate: isOwn });
  });
  views.set(client, view);
  // It may have been closed before.
  onConnection();
  return view;
}

/** Leaves everything to the shared one, but for the entries' names, and notes whose they are. */
function viewOf(shared: QueryClient, owner: number, prefix: string): QueryClient {
  const view = new QueryClient({ queryCache: shared.getQueryCache(), mutationCache: shared.getMutationCache() });
  view.defaultQueryOptions = (options) => {
    const defaulted = shared.defaultQueryOptions(options);
    const { meta, queryKeyHashFn: hash = hashKey } = defaulted;
    if (meta?.[OWNER] === owner) return defaulted;
    const queryKeyHashFn: typeof hash = (key) => prefix + hash(key);
    const queryHash = queryKeyHashFn(defaulted.queryKey);
    return { ...defaulted, queryHash, queryKeyHashFn, meta: { ...meta, [OWNER]: owner } };
  };
  view.defaultMutationOptions = (options) => {
    const defaulted = shared.defaultMutationOptions(options);
    return { ...defaulted, meta: { ...defaulted?.meta, [OWNER]: owner } };
  };
  view.getMutationDefaults = (key) => shared.getMutationDefaults(key);
  view.setMutationDefaults = (key, options) => shared.setMutationDefaults(key, options);
  return view;
}
