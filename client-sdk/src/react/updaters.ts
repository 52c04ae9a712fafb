import type { Campaign } from '../types.ts';
import type { CampaignUpdaters } from './types.ts';

const known = new WeakMap<Campaign, CampaignUpdaters>();

/** The functions that change a campaign: the same objects in every component and every render. */
export function updatersOf(campaign: Campaign): CampaignUpdaters {
  const before = known.get(campaign);
  if (before) return before;
  const updaters: CampaignUpdaters = {
    updateCampaign: campaign.update,
    updateFeatures: campaign.updateFeatures,
    updateCampaignFeatures: campaign.updateFeatures,
    updateConfig: campaign.updateConfig,
    updateCampaignConfig: campaign.updateConfig,
    batch: campaign.batch,
    rollback: campaign.rollback,
  };
  known.set(campaign, updaters);
  return updaters;
}
