// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { endOverdueCampaigns } from '../../client-sdk/examples/node-worker.ts';
import { Ticker } from '../../client-sdk/examples/raw-stream.tsx';
import { App, clientFor, seedFor } from '../../client-sdk/examples/server-rendering.tsx';
import { titleStore } from '../../client-sdk/examples/svelte-store.ts';
import { mountBanner } from '../../client-sdk/examples/vanilla.ts';
import { CampaignTestProvider, createTestCampaign } from '../../client-sdk/src/testing/index.ts';
import { CAMPAIGN } from './support/server.ts';
import { server, WAIT } from './support/world.ts';

// The examples make their clients themselves, with the WebSocket of the platform; Node's own does not get on with
// jsdom's events.
vi.stubGlobal('WebSocket', WebSocket);
afterEach(cleanup);

test('K65 a page without a framework shows and edits', async () => {
  const { url } = await server();
  const root = document.body.appendChild(document.createElement('main'));
  const unmount = mountBanner(root, url);
  await waitFor(() => expect(root.textContent).toBe('Hellosaved'), WAIT);
  const input = root.querySelector('input');
  if (!input) throw new Error('There is no input');
  fireEvent.input(input, { target: { value: 'Hello you' } });
  expect(root.textContent).toBe('Hello yousaving');
  fireEvent.blur(input);
  await waitFor(() => expect(root.textContent).toBe('Hello yousaved'), WAIT);
  unmount();
});

test('K65 a service ends what is over, durably, and leaves the rest', async () => {
  const { url, service } = await server({
    campaigns: [
      { campaignId: 'over', state: { ...CAMPAIGN, status: 'active', end_date: '2020-01-01' } },
      { campaignId: 'running', state: { ...CAMPAIGN, status: 'active', end_date: '2999-01-01' } },
    ],
  });
  expect(await endOverdueCampaigns(url, new Date())).toEqual(['over']);
  const admin = { identity: { id: 'test', grants: { '*': 'admin' } }, correlationId: 'test' } as const;
  expect(await service.get(admin, 'over')).toMatchObject({ version: 2, durableVersion: 2, state: { status: 'ended' } });
  expect(await service.get(admin, 'running')).toMatchObject({ version: 1 });
});

test('K65 a page is rendered on a server', async () => {
  const { url } = await server();
  const made = clientFor(url, await seedFor(url));
  expect(renderToString(<App client={made} />)).toBe('<h1>Spring</h1>');
  made.close();
});

test('K65 the raw stream and a Svelte store', async () => {
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 's', title: 'S' } });
  const titles: unknown[] = [];
  const stop = titleStore(kit.client).subscribe((title) => titles.push(title));
  render(
    <CampaignTestProvider campaign={kit}>
      <Ticker campaignId="spring" />
    </CampaignTestProvider>,
  );
  await screen.findByText('snapshot', undefined, WAIT);
  for (let n = 0; n < 50; n += 1) kit.push({ title: `T${n}` });
  await screen.findByText('51: title', undefined, WAIT);
  expect(screen.getAllByRole('listitem')).toHaveLength(51);
  await waitFor(() => expect(titles.at(-1)).toBe('T49'), WAIT);
  expect(titles[0]).toBeUndefined();
  stop();
  kit.client.close();
});
