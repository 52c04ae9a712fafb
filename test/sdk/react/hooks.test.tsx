// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { StrictMode, type ReactNode } from 'react';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { CampaignManager } from '../../../client-sdk/examples/usage.tsx';
import {
  createCampaignClient,
  type CampaignClient,
  type CampaignClientOptions,
} from '../../../client-sdk/src/index.ts';
import {
  CampaignProvider,
  getQueryKey,
  trpc,
  useCampaign,
  useCampaignSnapshot,
  useCampaignHistory,
  useCampaignState,
  useCampaignUpdates,
  useConnection,
  useFeature,
  useServiceState,
  useSyncStatus,
  type CampaignUpdaters,
} from '../../../client-sdk/src/react/index.ts';
import type { CampaignServer } from '../../../server/index.ts';
import { startServer } from '../support/server.ts';
import { WAIT } from '../../support/wait.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  cleanup();
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(): Promise<CampaignServer> {
  const started = await startServer();
  closing.push(() => started.close());
  return started;
}

/** With the WebSocket of `ws`: Node's own speaks in Node's events, which jsdom replaces. */
function client(url: string, options: Partial<CampaignClientOptions> = {}): CampaignClient {
  const made = createCampaignClient({ url, WebSocket, ...options });
  closing.push(made.close);
  return made;
}

/** A client that has seen the default campaign, with React around whatever is rendered. */
async function inApp(children: ReactNode): Promise<{
  started: CampaignServer;
  other: CampaignClient;
  mine: CampaignClient;
  rerender: (next: ReactNode) => void;
}> {
  const started = await server();
  const mine = client(started.url, { releaseAfterMs: 200 });
  const app = (content: ReactNode) => (
    <StrictMode>
      <CampaignProvider client={mine}>{content}</CampaignProvider>
    </StrictMode>
  );
  const { rerender } = render(app(children));
  return { started, mine, other: client(started.url), rerender: (next) => rerender(app(next)) };
}

test('K43 the usage example works as it stands', async () => {
  const { other } = await inApp(<CampaignManager />);
  await screen.findByText('Spring', undefined, WAIT);
  expect(screen.getByText('Features: referral')).toBeTruthy();

  fireEvent.click(screen.getByText('Update Campaign'));
  expect(screen.getByRole('heading').textContent).toBe('Updated Campaign Title');
  fireEvent.click(screen.getByText('Add Features'));
  expect(screen.getByText('Features: referral, analytics, notifications')).toBeTruthy();
  fireEvent.click(screen.getByText('Update UI'));

  const seen = other.campaign('spring');
  closing.push(seen.subscribe(() => undefined));
  await waitFor(
    () =>
      expect(seen.getSnapshot().state).toMatchObject({
        title: 'Updated Campaign Title',
        description: 'New description',
        features: ['referral', 'analytics', 'notifications'],
        ui_content: { banner: 'Welcome to our updated campaign!', theme: 'dark', cta: 'Join' },
      }),
    WAIT,
  );
});

test('K40 a selector renders only when its selection changes, and fifty events in one task are folded right', async () => {
  const seen: {
    banner: (string | undefined)[];
    counter: unknown[];
    content: number;
    status: string[];
    versions: unknown[];
  } = {
    banner: [],
    counter: [],
    content: 0,
    status: [],
    versions: [],
  };
  function Status() {
    seen.status.push(useCampaignSnapshot((snapshot) => snapshot.status));
    return null;
  }
  function Version() {
    seen.versions.push(useCampaignSnapshot((snapshot) => snapshot.version));
    return null;
  }
  function Banner() {
    seen.banner.push(useCampaign((state) => state.ui_content?.banner));
    return null;
  }
  function Content() {
    // An object: its parts are the same objects as long as they are equal.
    useCampaign((state) => state.ui_content);
    seen.content += 1;
    return null;
  }
  function Counter() {
    const counter = useCampaign((state) => state.counter);
    seen.counter.push(counter);
    return <output>{String(counter)}</output>;
  }
  const started = await server();
  const mine = client(started.url);
  render(
    <CampaignProvider client={mine}>
      <Banner />
      <Content />
      <Counter />
      <Status />
      <Version />
    </CampaignProvider>,
  );
  await waitFor(() => expect(seen.banner.at(-1)).toBe('Hello'), WAIT);
  const before = { banner: seen.banner.length, content: seen.content, status: ['pending', 'success'] };

  const writer = client(started.url).campaign('spring');
  await Promise.all(Array.from({ length: 50 }, (_, n) => writer.update({ counter: n })));
  await screen.findByText('49', undefined, WAIT);
  await writer.updateConfig('ui_content', { banner: 'Hello' });
  act(() => void mine.campaign().update({ title: 'Mine' }));
  expect({ banner: seen.banner.length, content: seen.content, status: seen.status }).toEqual(before);
  expect(seen.versions.at(-1)).toBe(mine.campaign().getSnapshot().version);

  await writer.updateConfig('ui_content', { banner: 'Changed' });
  await waitFor(() => expect(seen.banner.at(-1)).toBe('Changed'), WAIT);
  expect(seen.banner).toHaveLength(before.banner + 1);
  expect(seen.content).toBe(before.content + 1);
});

test('K41 a StrictMode tree of hooks has one subscription, and none after it is unmounted', async () => {
  function Everything() {
    useCampaignState();
    useCampaign((state) => state.title);
    useSyncStatus();
    useServiceState('campaign');
    return <output>{String(useFeature('referral'))}</output>;
  }
  const { started, rerender } = await inApp([<Everything key="1" />, <Everything key="2" />]);
  await waitFor(() => expect(screen.getAllByText('true')).toHaveLength(2), WAIT);
  expect(started.service.stats().subscribers).toBe(1);
  rerender(null);
  await waitFor(() => expect(started.service.stats().subscribers).toBe(0), WAIT);
});

test('K42 state is never undefined, and updaters stay the same functions under both names', async () => {
  const states: unknown[] = [];
  const updaters: CampaignUpdaters[] = [];
  function Reader() {
    const result = useCampaignState();
    states.push(result.state);
    updaters.push(result, useCampaignUpdates());
    return <output>{result.status}</output>;
  }
  await inApp(<Reader />);
  await screen.findByText('success', undefined, WAIT);
  expect(states[0]).toEqual({});
  expect(Object.isFrozen(states[0])).toBe(true);
  for (const {
    updateCampaign,
    updateFeatures,
    updateCampaignFeatures,
    updateConfig,
    updateCampaignConfig,
    batch,
  } of updaters) {
    expect(updateCampaignFeatures).toBe(updateFeatures);
    expect(updateCampaignConfig).toBe(updateConfig);
    expect([updateCampaign, updateFeatures, updateConfig, batch]).toEqual([
      updaters[0]?.updateCampaign,
      updaters[0]?.updateFeatures,
      updaters[0]?.updateConfig,
      updaters[0]?.batch,
    ]);
  }
});

test('K44 with enabled: false nothing is sent to the server', async () => {
  function Reader({ enabled }: { enabled: boolean }) {
    return <output>{useCampaignState({ campaignId: 'autumn', enabled }).status}</output>;
  }
  const { started, mine, rerender } = await inApp(<Reader enabled={false} />);
  expect(screen.getByText('pending')).toBeTruthy();
  expect(mine.connection.getSnapshot()).toMatchObject({ status: 'connecting', attempt: 0 });
  expect(started.service.stats().subscribers).toBe(0);
  rerender(<Reader enabled />);
  await screen.findByText('success', undefined, WAIT);
  rerender(<Reader enabled={false} />);
  await waitFor(() => expect(started.service.stats().subscribers).toBe(0), WAIT);
});

test('K45 the history shows pages and live entries as one list', async () => {
  function History() {
    const { entries, status, hasNextPage, fetchNextPage } = useCampaignHistory({ limit: 3 });
    return (
      <>
        <output>{`${status}: ${entries.map((entry) => `${entry.version} ${entry.type}`).join(', ')}`}</output>
        {hasNextPage && <button onClick={fetchNextPage}>more</button>}
      </>
    );
  }
  const started = await server();
  const writer = client(started.url).campaign('spring');
  for (let n = 2; n <= 5; n += 1) await writer.update({ counter: n });
  render(
    <CampaignProvider client={client(started.url)}>
      <History />
    </CampaignProvider>,
  );
  await screen.findByText('success: 5 update, 4 update, 3 update', undefined, WAIT);
  await writer.updateFeatures(['polls'], 'add');
  await screen.findByText('success: 6 updateFeatures, 5 update, 4 update, 3 update', undefined, WAIT);
  fireEvent.click(screen.getByText('more'));
  await screen.findByText(
    'success: 6 updateFeatures, 5 update, 4 update, 3 update, 2 update, 1 create',
    undefined,
    WAIT,
  );
});

test('K46 the status hooks show connection, sync and features', async () => {
  const renders = { sync: 0 };
  function Status() {
    const { status } = useConnection();
    const service = useServiceState('campaign');
    const leaderboard = useFeature('leaderboard');
    return (
      <output>
        {[status, service.status, service.pendingCount, service.connection.status, leaderboard].join(' ')}
      </output>
    );
  }
  function Sync() {
    const { state, unsavedCount, rejected, dismiss } = useSyncStatus();
    renders.sync += 1;
    return <button onClick={() => dismiss()}>{`${state} ${unsavedCount} ${rejected.length}`}</button>;
  }
  const { mine, other } = await inApp(
    <>
      <Status />
      <Sync />
    </>,
  );
  await screen.findByText('connected success 0 connected false', undefined, WAIT);
  expect(screen.getByText('saved 0 0')).toBeTruthy();
  const before = renders.sync;
  await other.campaign('spring').updateFeatures(['leaderboard'], 'add');
  await screen.findByText('connected success 0 connected true', undefined, WAIT);
  expect(renders.sync).toBe(before);

  act(() => void mine.campaign().update({ status: 'wrong' as 'draft' }));
  expect(screen.getByText('saving 1 0')).toBeTruthy();
  fireEvent.click(await screen.findByText('saved 0 1', undefined, WAIT));
  expect(screen.getByText('saved 0 0')).toBeTruthy();
});

test('K46 what has no stream goes through TanStack Query, typed', async () => {
  function List() {
    const { data } = trpc.campaign.list.useInfiniteQuery({ limit: 1 }, { getNextPageParam: (page) => page.nextCursor });
    return <output>{data?.pages.flatMap((page) => page.items.map((item) => item.title)).join()}</output>;
  }
  await inApp(<List />);
  await screen.findByText('Autumn', undefined, WAIT);
});

test('K50 queries are in the app’s own TanStack Query cache, under readable keys', async () => {
  const { url } = await server();
  const queryClient = new QueryClient();
  function Lists() {
    const pages = trpc.campaign.list.useInfiniteQuery({ limit: 5 }, { getNextPageParam: (page) => page.nextCursor });
    const { entries } = useCampaignHistory({ limit: 3 });
    return (
      <p>
        {pages.data?.pages[0]?.items.length} campaigns, {entries.length} entries
      </p>
    );
  }
  render(
    <CampaignProvider client={client(url)} queryClient={queryClient}>
      <Lists />
    </CampaignProvider>,
  );
  await screen.findByText('2 campaigns, 1 entries', undefined, WAIT);
  // The history was asked for once it was known of which campaign.
  const seen = queryClient.getQueryCache().findAll({ predicate: ({ state }) => state.status === 'success' });
  expect(seen.map(({ queryKey }) => queryKey)).toEqual([
    [['campaign', 'list'], { input: { limit: 5 }, type: 'infinite' }],
    [['campaign', 'history'], { input: { campaignId: 'spring', limit: 3 }, type: 'infinite' }],
  ]);
  // And an app can use those keys, as it would with any router of its own.
  await queryClient.invalidateQueries({ queryKey: getQueryKey(trpc.campaign.list) });
  expect(seen[0]?.state.dataUpdateCount).toBe(2);
  queryClient.clear();
});
