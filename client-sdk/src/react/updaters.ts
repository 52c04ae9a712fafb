import type { Campaign } from '../types.ts';
import type { CampaignUpdaters } from './types.ts';

/**
 * The functions that edit a campaign (`campaign/campaign-store.ts`, or `campaign/default-campaign.ts` where no id is
 * named): the same functions in every component and every render.
 */
export function updatersOf({ update, updateFeatures, updateConfig, batch, rollback }: Campaign): CampaignUpdaters {
  return {
    updateCampaign: update,
    updateFeatures,
    updateCampaignFeatures: updateFeatures,
    updateConfig,
    updateCampaignConfig: updateConfig,
    batch,
    rollback,
  };
}
