// @vitest-environment jsdom
import { act, cleanup, render } from '@testing-library/react';
import { fromStore, get } from 'svelte/store';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createApp, h, nextTick, ref, watchSyncEffect } from 'vue';
import type { CampaignClient, CampaignSnapshot, ConnectionState } from '../../../client-sdk/src/index.ts';
import { CampaignProvider, useCampaignSnapshot, useConnection } from '../../../client-sdk/src/react/index.ts';
import { useCampaigns } from '../../../client-sdk/src/react/campaigns/index.ts';
import { campaignsStore } from '../../../client-sdk/src/svelte/campaigns/index.ts';
import { campaignStore, connectionStore } from '../../../client-sdk/src/svelte/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import * as vueCampaigns from '../../../client-sdk/src/vue/campaigns/index.ts';
import * as vue from '../../../client-sdk/src/vue/index.ts';

const WAIT = { timeout: 20_000, interval: 10 };
afterEach(cleanup);

/** Mounts something that reads a selection, and the connection; returns how to unmount it. */
type Binding = <T>(
  client: CampaignClient,
  select: (snapshot: CampaignSnapshot) => T,
  onSelection: (selection: T) => void,
  onConnection: (status: ConnectionState['status']) => void,
) => () => void;

/** Mounts something that lists campaigns. */
type ListBinding = (
  client: CampaignClient,
  search: string,
  onTitles: (titles: readonly string[]) => void,
) => () => void;

const reactList: ListBinding = (client, search, onTitles) => {
  function List() {
    onTitles(useCampaigns({ search }).campaigns.map(({ title }) => title));
    return null;
  }
  return render(
    <CampaignProvider client={client}>
      <List />
    </CampaignProvider>,
  ).unmount;
};

const vueList: ListBinding = (client, search, onTitles) => {
  const app = createApp({
    setup() {
      vue.provideCampaign(client);
      const Reader = {
        setup() {
          const list = vueCampaigns.useCampaigns(() => ({ search }));
          watchSyncEffect(() => onTitles(list.value.campaigns.map(({ title }) => title)));
          return () => null;
        },
      };
      return () => h(Reader);
    },
  });
  app.mount(document.createElement('main'));
  return () => app.unmount();
};

const svelteList: ListBinding = (client, search, onTitles) =>
  campaignsStore(client, { search }).subscribe(({ campaigns }) => onTitles(campaigns.map(({ title }) => title)));

const react: Binding = (client, select, onSelection, onConnection) => {
  function Selection() {
    onSelection(useCampaignSnapshot(select));
    return null;
  }
  function Connection() {
    onConnection(useConnection().status);
    return null;
  }
  const { unmount } = render(
    <CampaignProvider client={client} campaignId="spring">
      <Selection />
      <Connection />
    </CampaignProvider>,
  );
  return unmount;
};

const inVue: Binding = (client, select, onSelection, onConnection) => {
  const reader = {
    setup() {
      const [selection, connection] = [vue.useCampaign(select), vue.useConnection()];
      watchSyncEffect(() => onSelection(selection.value));
      watchSyncEffect(() => onConnection(connection.value.status));
      return () => null;
    },
  };
  const app = createApp(reader);
  app.provide(vue.campaignKey, { client, campaignId: 'spring' });
  app.mount(document.createElement('main'));
  return () => app.unmount();
};

const svelte: Binding = (client, select, onSelection, onConnection) => {
  const stops = [
    campaignStore(client.campaign('spring'), select).subscribe(onSelection),
    connectionStore(client).subscribe(({ status }) => onConnection(status)),
  ];
  return () => stops.forEach((stop) => stop());
};

describe.each([
  ['React', react, reactList],
  ['Vue', inVue, vueList],
  ['Svelte', svelte, svelteList],
])('K270 %s', (_name, mount, mountList) => {
  test('K270 a selection is shown when it changes, and at no other time; edits at once', async () => {
    const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'S' } });
    const titles: unknown[] = [];
    const unmount = mount(
      kit.client,
      ({ state }) => state.title,
      (title) => titles.push(title),
      () => undefined,
    );
    await vi.waitFor(() => expect(titles.at(-1)).toBe('S'), WAIT);
    const before = titles.length;
    await act(async () => kit.push({ description: 'Not selected' }));
    await vi.waitFor(() => expect(kit.client.campaign('spring').getSnapshot().version).toBe(2), WAIT);
    expect(titles).toHaveLength(before);
    act(() => kit.push({ title: 'Theirs' }));
    await vi.waitFor(() => expect(titles.at(-1)).toBe('Theirs'), WAIT);
    act(() => void kit.client.campaign('spring').update({ title: 'Mine' }));
    expect(titles.at(-1)).toBe('Mine');
    unmount();
    act(() => void kit.client.campaign('spring').update({ title: 'Unmounted' }));
    expect(titles.at(-1)).toBe('Mine');
    kit.client.close();
  });

  test('K285 the list of campaigns is live, until it is left', async () => {
    const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'Spring' } });
    const seen: (readonly string[])[] = [];
    const unmount = mountList(kit.client, 'spr', (titles) => seen.push(titles));
    await vi.waitFor(() => expect(seen.at(-1)).toEqual(['Spring']), WAIT);
    await act(async () => kit.push({ title: 'Spring is here' }));
    await vi.waitFor(() => expect(seen.at(-1)).toEqual(['Spring is here']), WAIT);
    unmount();
    const before = seen.length;
    await act(async () => kit.push({ title: 'Spring is over' }));
    expect(seen).toHaveLength(before);
    kit.client.close();
  });

  test('K270 the connection and the errors of a campaign are shown', async () => {
    const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'S' } });
    const statuses: unknown[] = [];
    const errors: unknown[] = [];
    const unmount = mount(
      kit.client,
      ({ error }) => error?.message,
      (error) => errors.push(error),
      (status) => statuses.push(status),
    );
    act(() => kit.drop());
    expect(statuses.at(-1)).toBe('reconnecting');
    act(() => kit.reconnect());
    expect(statuses.at(-1)).toBe('connected');
    act(() => kit.client.close());
    expect(statuses.at(-1)).toBe('closed');
    expect(errors.at(-1)).toBe('The client has been closed');
    unmount();
  });
});

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
