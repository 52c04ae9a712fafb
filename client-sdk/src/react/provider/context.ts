import { createContext, useContext } from 'react';
import type { Campaign, CampaignClient } from '../../types.ts';

/** The context that `CampaignProvider` provides. */
export interface CampaignContextValue {
  readonly client: CampaignClient;
  /** `undefined`: the server's default campaign. */
  readonly campaignId: string | undefined;
}

export const CampaignContext = createContext<CampaignContextValue | undefined>(undefined);

function useCampaignContext(): CampaignContextValue {
  const value = useContext(CampaignContext);
  if (!value) throw new Error('There is no <CampaignProvider> above');
  return value;
}

/**
 * The provider's client.
 *
 * @throws Error without a `CampaignProvider` above
 */
export function useCampaignClient(): CampaignClient {
  return useCampaignContext().client;
}

/**
 * The handle of a campaign, without reading it; its functions work outside of React, too.
 *
 * @param campaignId default: the provider's campaign
 * @returns the same object for as long as the campaign is the same
 * @throws Error without a `CampaignProvider` above
 * @example const campaign = useCampaignHandle(); // campaign.whenDurable(), campaign.subscribe(…)
 */
export function useCampaignHandle(campaignId?: string): Campaign {
  const { client, campaignId: provided } = useCampaignContext();
  return client.campaign(campaignId ?? provided);
}
