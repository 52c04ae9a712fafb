import { useEffect } from 'react';
import { trpc, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';

/**
 * What this console's user may do with the campaign above. Nothing is forbidden here before the server has said so: it
 * decides.
 */
export interface Access {
  /** Who is here and in which role, in words; `undefined` until it is known. */
  readonly who: string | undefined;
  readonly mayEdit: boolean;
  readonly mayAdminister: boolean;
}

/** Asked again after every reconnect: another token may be in force by then. */
export function useAccess(): Access {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const { status } = useConnection();
  const { data, refetch } = trpc.session.info.useQuery(
    { campaignId: campaignId ?? '' },
    { enabled: campaignId !== undefined, staleTime: Infinity },
  );
  useEffect(() => {
    if (status === 'connected' && campaignId !== undefined) void refetch({ cancelRefetch: false });
  }, [status, campaignId, refetch]);
  if (!data) return { who: undefined, mayEdit: true, mayAdminister: true };
  const { id, role, anonymous } = data;
  return {
    who: anonymous ? 'without a token' : `${id}, ${role ?? 'no role'}`,
    mayEdit: role === 'editor' || role === 'admin',
    mayAdminister: role === 'admin',
  };
}
