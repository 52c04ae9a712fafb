import { useMemo, useSyncExternalStore } from 'react';
import type { CampaignSnapshot, ConnectionState } from '../types.ts';
import { useCampaignClient } from './provider/context.ts';
import type { CampaignHookOptions, ServiceState, UseSyncStatusResult } from './types.ts';
import { syncOf } from '../views/campaign-views.ts';
import { useView } from './use-view.ts';

/**
 * The state of the connection to the server.
 *
 * @example const { status, retryAt } = useConnection();
 */
export function useConnection(): ConnectionState {
  const { connection } = useCampaignClient();
  return useSyncExternalStore(connection.subscribe, connection.getSnapshot, connection.getInitialSnapshot);
}

/**
 * The state of this client's own edits. `state` is `saved` only once all of them are committed in Postgres.
 *
 * @example const { state, pendingCount, rejected, dismiss } = useSyncStatus();
 */
export function useSyncStatus(options?: CampaignHookOptions): UseSyncStatusResult {
  return useView(syncOf, options);
}

/**
 * The state of a service as one object: document, connection and pending edits. `campaign` is the only service.
 *
 * @example const { state, status, connection, pendingCount, error } = useServiceState('campaign');
 */
export function useServiceState(_service: 'campaign', options?: CampaignHookOptions): ServiceState {
  const connection = useConnection();
  const shown = useView(serviceOf, options);
  return useMemo(() => ({ ...shown, connection }), [shown, connection]);
}

function serviceOf() {
  return ({ state, status, error, sync }: CampaignSnapshot) => ({
    state,
    status,
    error,
    pendingCount: sync.pendingCount,
  });
}
