import { useEffect, useMemo } from 'react';
import type { Role } from '../../../server/core/permissions.ts';
import { useCampaignSnapshot } from './use-campaign.ts';
import { useCampaignClient } from './provider/context.ts';
import { trpc } from './trpc.ts';
import type { CampaignHookOptions } from './types.ts';

/** What {@link useAccess} returns. Until the server has answered nothing is forbidden: it decides in any case. */
export interface UseAccessResult {
  /** Id of the caller; `undefined` until it is known. */
  readonly id: string | undefined;
  /** Role on this campaign; `undefined` where there is none, and until it is known. */
  readonly role: Role | undefined;
  /** Whether the caller has no token; `undefined` until it is known. */
  readonly anonymous: boolean | undefined;
  readonly mayEdit: boolean;
  readonly mayAdminister: boolean;
  /** Whether the caller may read that top-level field of the document. */
  readonly mayRead: (field: string) => boolean;
  /** Whether the caller may write that top-level field of the document. */
  readonly mayWrite: (field: string) => boolean;
}

/**
 * What this caller may do with a campaign, by role and by field, so that an app can hide or close what would be
 * refused. Asked again on every new link and with every new token.
 *
 * @example const { mayWrite } = useAccess(); return <fieldset disabled={!mayWrite('scripts')} />;
 */
export function useAccess({ campaignId, enabled = true }: CampaignHookOptions = {}): UseAccessResult {
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
  return useMemo(() => {
    const { role, anonymous, fields } = data ?? {};
    const mayEdit = !data || (anonymous === false && (role === 'editor' || role === 'admin'));
    return {
      id: data?.id,
      role,
      anonymous,
      mayEdit,
      mayAdminister: !data || (anonymous === false && role === 'admin'),
      mayRead: (field) => !data || (role !== undefined && fields?.hidden.includes(field) !== true),
      mayWrite: (field) => mayEdit && fields?.readOnly.includes(field) !== true,
    };
  }, [data]);
}
