// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { Component, StrictMode, Suspense, useState, type ReactNode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToPipeableStream } from 'react-dom/server.node';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { CampaignError, createCampaignClient, prefetchCampaign, type CampaignClient, type CampaignClientOptions } from '../../client-sdk/src/index.ts';
import {
  CampaignProvider,
  skipToken,
  useCampaign,
  useCampaignState,
  useLostConnection,
  usePacedUpdate,
  useSuspenseCampaign,
  useUndo,
} from '../../client-sdk/src/react/index.ts';
import { CampaignTestProvider, createTestCampaign } from '../../client-sdk/src/testing/index.ts';
import { startServer } from './support/server.ts';

const WAIT = { timeout: 20_000, interval: 10 };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  for (const close of closing.splice(0).reverse()) await close();
});

function client(url: string, options: Partial<CampaignClientOptions> = {}): CampaignClient {
  const made = createCampaignClient({ url, WebSocket, ...options });
  closing.push(made.close);
  return made;
}

function renderOnServer(app: ReactNode): Promise<string> {
  return new Promise((resolve, reject) => {
    const { pipe } = renderToPipeableStream(app, {
      onAllReady: () => resolve(text(pipe(new PassThrough()))),
      onError: reject,
    });
  });
}

test('K47 a page rendered on a server is taken over, and goes on from its position', async () => {
  const server = await startServer();
  closing.push(() => server.close());
  const watch = vi.spyOn(server.service, 'watch');
  const get = vi.spyOn(server.service, 'get');

  const shown: string[] = [];
  function Headline() {
    const { state, status } = useCampaignState();
    const banner = useCampaign((s) => s.ui_content?.banner);
    shown.push(`${status} ${state.title} ${banner}`);
    return <h1>{`${state.title} ${banner}`}</h1>;
  }
  const app = (with_: CampaignClient) => (
    <CampaignProvider client={with_}>
      <Headline />
    </CampaignProvider>
  );

  // On the server: one client that reads, and one per page that only renders.
  const seed = structuredClone(await prefetchCampaign(client(server.url)));
  const html = await renderOnServer(app(client(server.url, { seeds: [seed] })));
  expect(html).toContain('Spring Hello');

  // Meanwhile the world goes on.
  await client(server.url).campaign('spring').update({ title: 'Summer' });
  watch.mockClear();
  get.mockClear();
  shown.length = 0;

  // In the browser.
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const recovered = vi.fn();
  const container = document.body.appendChild(document.createElement('div'));
  container.innerHTML = html;
  const root = hydrateRoot(container, app(client(server.url, { seeds: [seed] })), { onRecoverableError: recovered });
  closing.push(() => act(() => root.unmount()));
  await waitFor(() => expect(container.textContent).toBe('Summer Hello'), WAIT);

  expect(recovered).not.toHaveBeenCalled();
  // That server and browser share a process is this test's own affair.
  expect(errors.mock.calls.filter(([message]) => !String(message).includes('multiple renderers'))).toEqual([]);
  expect([...new Set(shown)]).toEqual(['success Spring Hello', 'success Summer Hello']);
  expect(get).not.toHaveBeenCalled();
  expect(watch.mock.calls.map(([, , options]) => options)).toMatchObject([{ campaignId: 'spring', lastEventId: `${seed.epoch}:1` }]);
});

class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };
  static getDerivedStateFromError(error: unknown) {
    return { error };
  }
  override render() {
    const { error } = this.state;
    return error instanceof CampaignError ? <p>{`cannot: ${error.reason}`}</p> : this.props.children;
  }
}

test('K48 a component suspends until there is something, and its error reaches the boundary', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const kit = createTestCampaign({ campaignId: 'spring', state: { slug: 'spring', title: 'Spring' } });
  closing.push(kit.client.close);
  function Title({ campaignId }: { campaignId?: string }) {
    const title: string = useSuspenseCampaign((state) => state.title, { campaignId });
    return <h1>{title}</h1>;
  }
  const { rerender } = render(
    <StrictMode>
      <CampaignTestProvider campaign={kit}>
        <Suspense fallback={<p>wait</p>}>
          <Title />
        </Suspense>
      </CampaignTestProvider>
    </StrictMode>,
  );
  expect(screen.getByText('wait')).toBeTruthy();
  await screen.findByText('Spring');
  act(() => kit.push({ title: 'Summer' }));
  await screen.findByText('Summer');

  rerender(
    <CampaignTestProvider campaign={kit}>
      <Boundary>
        <Suspense fallback={<p>wait</p>}>
          <Title campaignId="nowhere" />
        </Suspense>
      </Boundary>
    </CampaignTestProvider>,
  );
  await screen.findByText('cannot: NOT_FOUND');
});

test('K48 on a server it streams when it is there', async () => {
  const server = await startServer();
  closing.push(() => server.close());
  function Title() {
    return <h1>{useSuspenseCampaign((state) => state.title)}</h1>;
  }
  const html = await renderOnServer(
    <CampaignProvider client={client(server.url)}>
      <Suspense fallback={<p>wait</p>}>
        <Title />
      </Suspense>
    </CampaignProvider>,
  );
  expect(html).toContain('<h1>Spring</h1>');
});

test('K49 undo, and paced updates that are sent when the component goes', async () => {
  const kit = createTestCampaign({ state: { slug: 's', title: 'A' } });
  closing.push(kit.client.close);
  function Field() {
    const title = useCampaign((state) => state.title);
    const { updateCampaign } = usePacedUpdate({ wait: 60_000 });
    return <input value={title ?? ''} onChange={(event) => void updateCampaign({ title: event.target.value })} />;
  }
  function Page() {
    const [open, setOpen] = useState(true);
    const { undo, redo, canUndo, canRedo } = useUndo();
    return (
      <>
        {open && <Field />}
        <button onClick={() => setOpen(false)}>close</button>
        <button disabled={!canUndo} onClick={undo}>
          undo
        </button>
        <button disabled={!canRedo} onClick={redo}>
          redo
        </button>
      </>
    );
  }
  render(
    <CampaignTestProvider campaign={kit}>
      <Page />
    </CampaignTestProvider>,
  );
  const input = await screen.findByDisplayValue<HTMLInputElement>('A');
  for (const value of ['AB', 'ABC']) {
    fireEvent.change(input, { target: { value } });
    expect(input.value).toBe(value);
  }
  expect(kit.history()).toHaveLength(1);
  fireEvent.click(screen.getByText('close'));
  await waitFor(() => expect(kit.state().title).toBe('ABC'), WAIT);
  expect(kit.history()).toHaveLength(2);
  fireEvent.click(screen.getByText('undo'));
  await waitFor(() => expect(kit.state().title).toBe('A'), WAIT);
  expect(screen.getByText<HTMLButtonElement>('undo').disabled).toBe(true);
  fireEvent.click(screen.getByText('redo'));
  await waitFor(() => expect(kit.state().title).toBe('ABC'), WAIT);
});

test('K49 a lost connection is told of once, and its return', async () => {
  const kit = createTestCampaign();
  closing.push(kit.client.close);
  const told: string[] = [];
  function Listener() {
    useLostConnection((event) => told.push(event), { afterMs: 20 });
    return null;
  }
  render(
    <CampaignTestProvider campaign={kit}>
      <Listener />
    </CampaignTestProvider>,
  );
  kit.drop();
  await waitFor(() => expect(told).toEqual(['lost']), WAIT);
  kit.reconnect();
  expect(told).toEqual(['lost', 'restored']);
});

test('K49 with skipToken nothing is asked for', async () => {
  const kit = createTestCampaign({ state: { slug: 's', title: 'A' } });
  closing.push(kit.client.close);
  function Title({ skip }: { skip: boolean }) {
    return <p>{`title: ${useCampaign(skip ? skipToken : (state) => state.title)}`}</p>;
  }
  const app = (skip: boolean) => (
    <CampaignTestProvider campaign={kit}>
      <Title skip={skip} />
    </CampaignTestProvider>
  );
  const { rerender } = render(app(true));
  await act(async () => undefined);
  expect(kit.client.campaign().getSnapshot().status).toBe('pending');
  expect(screen.getByText('title: undefined')).toBeTruthy();
  rerender(app(false));
  await screen.findByText('title: A');
});
