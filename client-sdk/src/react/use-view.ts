import { useMemo } from 'react';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { shallowEqual } from '../views/shallow-equal.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions } from './types.ts';
import { useSelected } from './use-selected.ts';

/**
 * A view of a campaign: renders only when a member of it changes.
 *
 * @param viewOf makes the selector of a campaign; stable
 */
export function useView<T extends object>(
  viewOf: (campaign: Campaign) => (snapshot: CampaignSnapshot) => T,
  { campaignId, enabled }: CampaignHookOptions = {},
): T {
  const campaign = useCampaignHandle(campaignId);
  const select = useMemo(() => viewOf(campaign), [viewOf, campaign]);
  return useSelected(campaign, select, { isEqual: shallowEqual, enabled });
}
