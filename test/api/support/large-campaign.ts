import type { Raw } from './clients.ts';
import { CAMPAIGN } from './server.ts';

const text = 'x'.repeat(200_000);

/** Campaigns of a server whose one document is dear to read. */
export const large = [{ campaignId: CAMPAIGN, state: { slug: CAMPAIGN, title: 'Large', status: 'active', text } }];

/** A message that asks for it. */
export const get = (id: number) => ({
  id,
  method: 'query',
  params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } },
});

/** So many of them, for one frame. */
export const gets = (count: number) => Array.from({ length: count }, (_, index) => get(index + 1));

export const answers = (raw: Raw): number => raw.messages.length;
