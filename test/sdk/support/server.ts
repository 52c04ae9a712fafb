import { createCampaignServer, createLogger, type CampaignServer, type CampaignServerOptions } from '../../../server/index.ts';
import { createMemoryArchive } from '../../../server/archive/index.ts';

export const CAMPAIGN = { slug: 'spring', title: 'Spring', features: ['referral'], ui_content: { banner: 'Hello', cta: 'Join' } };

/** The real server on a free port, with two campaigns; `spring` is the default. */
export function startServer(options: CampaignServerOptions = {}): Promise<CampaignServer> {
  return createCampaignServer({
    port: 0,
    logger: createLogger('silent'),
    archive: createMemoryArchive(),
    campaigns: [
      { campaignId: 'spring', state: structuredClone(CAMPAIGN) },
      { campaignId: 'autumn', state: { slug: 'autumn', title: 'Autumn' } },
    ],
    ...options,
  });
}
