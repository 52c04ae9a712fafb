import { OpenFeature as ServerOpenFeature } from '@openfeature/server-sdk';
import { afterEach, expect, test, vi } from 'vitest';
import { startTracking } from '../../../client-sdk/src/analytics/index.ts';
import type { CampaignClient, CampaignClientOptions, KeyValueStorage } from '../../../client-sdk/src/index.ts';
import { createOpenFeatureProvider } from '../../../client-sdk/src/openfeature/server.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/vanilla.ts';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { client, proxyOf, server, WAIT } from '../support/world.ts';

const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  coverage: 1,
  arms: { red: { weight: 1, change: {} }, blue: { weight: 1, change: { merge: { theme: { accent: 'blue' } } } } },
  metrics: { revenue: { goal: 'paid', type: 'sum', better: 'up', role: 'goal' } },
};
const ADA = { attributes: { userId: 'ada' } };

afterEach(() => ServerOpenFeature.close());

/** A storage that outlives pages. */
function storage(): KeyValueStorage & { readonly kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
}

async function measured() {
  const running = await server();
  const wire = await proxyOf(running);
  const editor = client(running.url);
  await editor.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key: 'colour', rule: RULE });
  return {
    wire,
    page: (options: Partial<CampaignClientOptions> = {}): CampaignClient =>
      client(wire.url, { viewer: ADA, ...options }),
    async counted() {
      const { arms, metrics } = await editor.trpc.analytics.results.query({ campaignId: 'spring', rule: 'colour' });
      return {
        units: arms.reduce((sum, { units }) => sum + units, 0),
        revenue: metrics['revenue']?.arms.reduce((sum, arm) => sum + arm.sum, 0),
      };
    },
  };
}

function shown(page: CampaignClient) {
  const campaign = page.campaign('spring');
  campaign.subscribe(() => undefined);
  return vi.waitFor(() => {
    expect(campaign.getSnapshot().position).toBeDefined();
    return campaign;
  }, WAIT);
}

test('E48 a campaign tells exposures and goals of its viewer by itself; a goal waits for the first snapshot', async () => {
  const { page, counted } = await measured();
  const campaign = await shown(page());
  campaign.expose('colour');
  campaign.expose('colour');
  campaign.expose('no such rule');
  campaign.track('paid', { value: 4.5 });
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 4.5 }), WAIT);
  // Nobody watches it on this page.
  page().campaign('spring').track('paid', { value: 0.5 });
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 5 }), WAIT);
});

test('E48 the default campaign tells too, before its id is known', async () => {
  const { page, counted } = await measured();
  (await shown(page())).expose('colour');
  page().campaign().track('paid', { value: 2 });
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 2 }), WAIT);
});

test('E49 the client’s option `tracking` withholds consent from the first call on; what an app has stopped does not start again', async () => {
  const { page, counted } = await measured();
  const kept = storage();
  const silent = await shown(page({ tracking: { consent: false, storage: kept } }));
  silent.expose('colour');
  silent.track('paid', { value: 1 });
  const stopping = page();
  const stopped = await shown(stopping);
  await startTracking(stopping).stop();
  stopped.expose('colour');
  stopped.track('paid', { value: 1 });
  const spoken = await shown(page());
  spoken.expose('colour');
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 0 }), WAIT);
  expect(kept.kept.size).toBe(0);
});

test('E50 what a closed client has not sent is sent by the next page; a logout forgets it', async () => {
  const { page, counted, wire } = await measured();
  const kept = storage();
  const before = page({ tracking: { storage: kept } });
  const campaign = await shown(before);
  campaign.expose('colour');
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 0 }), WAIT);
  wire.sever();
  campaign.track('paid', { value: 3 });
  await vi.waitFor(() => expect(kept.kept.size).toBe(1), WAIT);
  before.close();
  const after = page({ tracking: { storage: kept } });
  wire.restore();
  const again = await shown(after);
  again.track('paid', { value: 1 });
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 4 }), WAIT);
  await vi.waitFor(() => expect(kept.kept.size).toBe(0), WAIT);
  wire.sever();
  again.track('paid', { value: 1 });
  await vi.waitFor(() => expect(kept.kept.size).toBe(1), WAIT);
  await after.forget();
  await vi.waitFor(() => expect(kept.kept.size).toBe(0), WAIT);
});

test('E51 OpenFeature’s server provider tells a goal of whom the context names', async () => {
  const { page, counted } = await measured();
  const service = page({ viewer: undefined });
  (await shown(page())).expose('colour');
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 0 }), WAIT);
  await ServerOpenFeature.setProviderAndWait(createOpenFeatureProvider(service, 'spring'));
  const flags = ServerOpenFeature.getClient();
  flags.track('paid', { userId: 'ada' }, { value: 7 });
  flags.track('paid', { userId: 'nobody that was shown anything' }, { value: 100 });
  flags.track('paid', {}, { value: 100 });
  await vi.waitFor(async () => expect(await counted()).toEqual({ units: 1, revenue: 7 }), WAIT);
});

test('E52 the test kit says what an app has tracked, of whom, in order, and once', async () => {
  const kit = createTestCampaign({ campaignId: 'spring', viewer: ADA });
  await kit.client.trpc.campaign.updateRule.mutate({ campaignId: 'spring', key: 'colour', rule: RULE });
  const campaign = await shown(kit.client);
  campaign.expose('colour');
  campaign.expose('colour');
  campaign.track('paid', { value: 3 });
  const position = kit.position();
  expect(await kit.tracked()).toMatchObject([
    { kind: 'exposure', rule: 'colour', phase: 1, position, viewer: ADA },
    { kind: 'goal', name: 'paid', value: 3, position, viewer: ADA },
  ]);
  kit.drop();
  campaign.track('lead');
  expect(await kit.tracked()).toHaveLength(2);
  kit.reconnect();
  expect(await kit.tracked()).toHaveLength(3);
  kit.client.close();
});
