import {
  createCampaignServer,
  createLogger,
  type Archive,
  type CampaignServer,
  type CampaignServerOptions,
} from '../../../server/index.ts';
import { createMemoryArchive } from '../../../server/archive/index.ts';

export const CAMPAIGN = {
  slug: 'spring',
  title: 'Spring',
  features: ['referral'],
  ui_content: { banner: 'Hello', cta: 'Join' },
};

export type TestServerOptions = Omit<CampaignServerOptions, 'archive'> & { archive?: Archive | 'none' };

/**
 * The real server on a free port, with two campaigns; `spring` is the default. Its archive is in memory, unless it has
 * none.
 */
export function startServer({
  archive = createMemoryArchive(),
  ...options
}: TestServerOptions = {}): Promise<CampaignServer> {
  return createCampaignServer({
    port: 0,
    logger: createLogger('silent'),
    ...(archive !== 'none' && { archive }),
    campaigns: [
      { campaignId: 'spring', state: structuredClone(CAMPAIGN) },
      { campaignId: 'autumn', state: { slug: 'autumn', title: 'Autumn' } },
    ],
    ...options,
  });
}
