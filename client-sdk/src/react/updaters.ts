import type { Campaign } from '../types.ts';
import type { CampaignUpdaters } from './types.ts';

const updatersByCampaign = new WeakMap<Campaign, CampaignUpdaters>();

/**
 * The functions that edit a campaign (`campaign/campaign-store.ts`, or `campaign/default-campaign.ts` where no id is
 * named): the same object in every component and every render.
 */
export function updatersOf(campaign: Campaign): CampaignUpdaters {
  const existing = updatersByCampaign.get(campaign);
  if (existing) return existing;
  const updaters: CampaignUpdaters = {
    updateCampaign: campaign.update,
    updateFeatures: campaign.updateFeatures,
    updateCampaignFeatures: campaign.updateFeatures,
    updateConfig: campaign.updateConfig,
    updateCampaignConfig: campaign.updateConfig,
    batch: campaign.batch,
    rollback: campaign.rollback,
  };
  updatersByCampaign.set(campaign, updaters);
  return updaters;
}
