import { afterEach, expect, test, vi } from 'vitest';
import { createCampaignClient, type Campaign, type CampaignClient, type CampaignSnapshot } from '../../client-sdk/src/index.ts';
import type { CampaignServer } from '../../server/index.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { CAMPAIGN, startServer } from './support/server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(options?: Parameters<typeof startServer>[0]): Promise<CampaignServer> {
  const started = await startServer(options);
  closing.push(() => started.close());
  return started;
}

function client(url: string, options: Partial<Parameters<typeof createCampaignClient>[0]> = {}): CampaignClient {
  const made = createCampaignClient({ url, ...options });
  closing.push(made.close);
  return made;
}

function watch(campaign: Campaign): CampaignSnapshot[] {
  const seen: CampaignSnapshot[] = [];
  closing.push(campaign.subscribe(() => seen.push(campaign.getSnapshot())));
  return seen;
}

test('K1 a campaign is live while someone subscribes: a snapshot, then every change', async () => {
  const { url } = await server();
  const reader = client(url).campaign('spring');
  expect(reader.getSnapshot()).toMatchObject({ status: 'pending', state: {}, version: 0 });
  watch(reader);
  await vi.waitFor(() => expect(reader.getSnapshot()).toMatchObject({ status: 'success', state: CAMPAIGN, version: 1 }));

  const receipt = await client(url).campaign('spring').update({ title: 'Summer' });
  expect(receipt).toMatchObject({ campaignId: 'spring', version: 2, changed: true });
  await vi.waitFor(() => expect(reader.getSnapshot()).toMatchObject({ version: 2, state: { title: 'Summer' } }));
});
