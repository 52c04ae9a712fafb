import { useEffect, useMemo } from 'react';
import type { CampaignUpdates } from '../document.ts';
import type { Change, Pace } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions } from './types.ts';

/** What {@link usePacedUpdate} returns. */
export interface UsePacedUpdateResult {
  /** As `campaign.update`: shown at once, sent together with the updates close to it. */
  readonly updateCampaign: (updates: CampaignUpdates) => Change;
  /** Sends held updates now: when a field loses focus. Done by itself when the component unmounts. */
  readonly flush: () => void;
}

/**
 * Updates for what is typed or dragged: each is shown at once, those close to each other are sent as one mutation.
 *
 * @example
 * const { updateCampaign, flush } = usePacedUpdate({ wait: 300 });
 * <input value={state.title ?? ''} onChange={(e) => void updateCampaign({ title: e.target.value })} onBlur={flush} />
 */
export function usePacedUpdate({
  campaignId,
  wait,
  mode,
  leading,
  onConflict,
}: Pace & Pick<CampaignHookOptions, 'campaignId'>): UsePacedUpdateResult {
  const campaign = useCampaignHandle(campaignId);
  useEffect(() => campaign.flush, [campaign]);
  return useMemo(
    () => ({
      updateCampaign: (updates) => campaign.pacedUpdate(updates, { wait, mode, leading, onConflict }),
      flush: campaign.flush,
    }),
    [campaign, wait, mode, leading, onConflict],
  );
}
