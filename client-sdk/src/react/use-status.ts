import { useMemo, useSyncExternalStore } from 'react';
import type { CampaignSnapshot, ConnectionState } from '../types.ts';
import { useCampaignClient, useCampaignHandle } from './context.ts';
import type { CampaignHookOptions, ServiceState, UseSyncStatusResult } from './types.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/** How the link to the server stands. */
export function useConnection(): ConnectionState {
  const { connection } = useCampaignClient();
  return useSyncExternalStore(connection.subscribe, connection.getSnapshot, connection.getInitialSnapshot);
}

/**
 * Where this client's own edits stand. `state` is `saved` only once Postgres has them.
 *
 * @example const { state, pendingCount, rejected, dismiss } = useSyncStatus();
 */
export function useSyncStatus({ campaignId, enabled }: CampaignHookOptions = {}): UseSyncStatusResult {
  const campaign = useCampaignHandle(campaignId);
  const sync = useSelected(campaign, syncOf, { isEqual: shallowEqual, enabled });
  return useMemo(() => ({ ...sync, dismiss: campaign.dismiss }), [sync, campaign]);
}

function syncOf({ sync }: CampaignSnapshot) {
  return sync;
}

/**
 * The service's state in one piece. `campaign` is the one service there is.
 *
 * @example const { state, status, connection, pendingCount, error } = useServiceState('campaign');
 */
export function useServiceState(_service: 'campaign', { campaignId, enabled }: CampaignHookOptions = {}): ServiceState {
  const connection = useConnection();
  const shown = useSelected(useCampaignHandle(campaignId), serviceOf, { isEqual: shallowEqual, enabled });
  return useMemo(() => ({ ...shown, connection }), [shown, connection]);
}

function serviceOf({ state, status, error, sync }: CampaignSnapshot) {
  return { state, status, error, pendingCount: sync.pendingCount };
}
