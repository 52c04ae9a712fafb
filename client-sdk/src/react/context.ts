import { createContext, useContext } from 'react';
import type { Campaign, CampaignClient } from '../types.ts';

/** What `CampaignProvider` gives to everything below it. */
export interface CampaignContextValue {
  readonly client: CampaignClient;
  /** `undefined`: the server's default campaign. */
  readonly campaignId: string | undefined;
}

export const CampaignContext = createContext<CampaignContextValue | undefined>(undefined);

function useCampaignContext(): CampaignContextValue {
  const value = useContext(CampaignContext);
  if (!value) throw new Error('This hook needs a <CampaignProvider client={…}> above it');
  return value;
}

/** The provider's client. */
export function useCampaignClient(): CampaignClient {
  return useCampaignContext().client;
}

/**
 * The vanilla handle of a campaign: by default the provider's. The same object for as long as the campaign is the same.
 */
export function useCampaignHandle(campaignId?: string): Campaign {
  const { client, campaignId: provided } = useCampaignContext();
  return client.campaign(campaignId ?? provided);
}
