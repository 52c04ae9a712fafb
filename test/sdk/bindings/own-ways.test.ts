// @vitest-environment jsdom
import { fromStore, get } from 'svelte/store';
import { expect, test } from 'vitest';
import { createApp, nextTick, ref, watchSyncEffect } from 'vue';
import { campaignStore } from '../../../client-sdk/src/svelte/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import * as vue from '../../../client-sdk/src/vue/index.ts';

test('K270 in Vue the campaign may change, and what is left is no longer subscribed to', async () => {
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'S' } });
  const id = ref('spring');
  const seen: unknown[] = [];
  const app = createApp({
    setup() {
      vue.provideCampaign(kit.client, id);
      return () => null;
    },
  });
  app.provide(vue.campaignKey, { client: kit.client, campaignId: id });
  app.runWithContext(() => expect(vue.useCampaignClient()).toBe(kit.client));
  const reader = createApp({
    setup() {
      const snapshot = vue.useCampaign();
      watchSyncEffect(() => seen.push(snapshot.value.campaignId));
      return () => null;
    },
  });
  reader.provide(vue.campaignKey, { client: kit.client, campaignId: id });
  reader.mount(document.createElement('main'));
  id.value = 'autumn';
  await nextTick();
  expect(seen.at(-1)).toBe('autumn');
  reader.unmount();
  kit.client.close();
});

test('K270 a store is read once by get, and becomes a reactive value with runes', () => {
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'S' } });
  const store = campaignStore(kit.client.campaign('spring'));
  expect(get(store).campaignId).toBe('spring');
  expect(fromStore(store).current.campaignId).toBe('spring');
  kit.client.close();
});
