import { expect, test } from 'vitest';
import { createCampaignClient } from '../../client-sdk/src/index.ts';
import { wsClient } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { startRelay } from '../relay/support/relay.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';

test('K350 behind a relay whose upstream is away: isStale, and what is changed meanwhile is kept and sent then', async () => {
  const origin = await startGuarded();
  const proxy = await openTcpProxy(origin.port);
  cleanUp(() => proxy.close());
  const relay = await startRelay(proxy);
  const token = await tokenFor({ '*': 'admin' });
  const client = createCampaignClient({ url: relay.url, token: () => token });
  cleanUp(() => client.close());
  const campaign = client.campaign(CAMPAIGN);
  const seen: boolean[] = [];
  campaign.subscribe(() => seen.push(campaign.getSnapshot().isStale));
  await until(() => campaign.getSnapshot().status === 'success');
  proxy.sever();
  await until(() => campaign.getSnapshot().isStale);
  // Whoever listens was told.
  expect(seen.at(-1)).toBe(true);
  const change = campaign.update({ title: 'Meanwhile' });
  expect(campaign.getSnapshot().state.title).toBe('Meanwhile');
  proxy.restore();
  expect(await change).toMatchObject({ version: 2 });
  await until(() => !campaign.getSnapshot().isStale && seen.at(-1) === false);
  expect(await wsClient(origin.url, { token }).campaign.get.query({ campaignId: CAMPAIGN })).toMatchObject({
    state: { title: 'Meanwhile' },
  });
});
