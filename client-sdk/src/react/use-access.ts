import { useEffect, useMemo } from 'react';
import { accessOf, type AccessView } from '../access/access.ts';
import { useCampaignSnapshot } from './use-campaign.ts';
import { useCampaignClient } from './provider/context.ts';
import { trpc } from './trpc.ts';
import type { CampaignHookOptions } from './types.ts';

/** What {@link useAccess} returns. Until the server has answered nothing is forbidden: it decides in any case. */
export type { AccessView as UseAccessResult } from '../access/access.ts';

/**
 * What this caller may do with a campaign, by role and by field, so that an app can hide or close what would be
 * refused. Asked again on every new link and with every new token.
 *
 * @example const { mayWrite } = useAccess(); return <fieldset disabled={!mayWrite('scripts')} />;
 */
export function useAccess({ campaignId, enabled = true }: CampaignHookOptions = {}): AccessView {
  const id = useCampaignSnapshot((snapshot) => snapshot.campaignId, { campaignId, enabled });
  const { onRenewed } = useCampaignClient();
  const { data, refetch } = trpc.session.info.useQuery(
    { campaignId: id ?? '' },
    { enabled: enabled && id !== undefined, staleTime: Infinity },
  );
  useEffect(
    () => (enabled && id !== undefined ? onRenewed(() => void refetch()) : undefined),
    [enabled, onRenewed, id, refetch],
  );
  return useMemo(() => accessOf(data), [data]);
}
