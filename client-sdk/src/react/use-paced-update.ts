import { useEffect, useMemo } from 'react';
import type { CampaignUpdates } from '../document.ts';
import type { Change, Pace } from '../types.ts';
import { useCampaignHandle } from './context.ts';
import type { CampaignHookOptions } from './types.ts';

export interface UsePacedUpdateResult {
  readonly updateCampaign: (updates: CampaignUpdates) => Change;
  /** Sends now what is held: when a field is left. It is also done when the component goes. */
  readonly flush: () => void;
}

/**
 * Updates for what is typed or dragged: every one is shown at once, those that follow each other closely are sent as
 * one mutation.
 *
 * @example const { updateCampaign, flush } = usePacedUpdate({ wait: 300 }); <input value={state.title ?? ''}
 * onChange={(event) => void updateCampaign({ title: event.target.value })} onBlur={flush} />
 */
export function usePacedUpdate({
  campaignId,
  wait,
  mode,
}: Pace & Pick<CampaignHookOptions, 'campaignId'>): UsePacedUpdateResult {
  const campaign = useCampaignHandle(campaignId);
  useEffect(() => campaign.flush, [campaign]);
  return useMemo(
    () => ({ updateCampaign: (updates) => campaign.pacedUpdate(updates, { wait, mode }), flush: campaign.flush }),
    [campaign, wait, mode],
  );
}
