import { createCampaignServer, type CampaignServer, type CampaignServerOptions } from '@campaign-state/server';
import { sections } from './sections.ts';

/** A server that refuses campaigns of another shape. */
export function startShopServer(options: CampaignServerOptions): Promise<CampaignServer> {
  return createCampaignServer({ ...options, sections });
}
