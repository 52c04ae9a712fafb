// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { Component, StrictMode, Suspense, type ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import {
  CampaignProvider,
  useCampaign,
  useCampaignClient,
  useCampaignEdit,
  useCampaignState,
  useSuspenseCampaign,
} from '../../../client-sdk/src/react/index.ts';
import { client, later, server, WAIT } from '../support/world.ts';

// Node's own WebSocket does not get on with jsdom's events.
vi.stubGlobal('WebSocket', WebSocket);
afterEach(cleanup);

/** A WebSocket that counts those that are open. */
function countedSockets() {
  const sockets: WebSocket[] = [];
  const sent: string[] = [];
  class Counted extends WebSocket {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
    override send(data: string): void {
      sent.push(data);
      super.send(data);
    }
  }
  return {
    WebSocket: Counted as unknown as typeof globalThis.WebSocket,
    made: () => sockets.length,
    sent: () => sent,
    open: () => sockets.filter(({ readyState }) => readyState < WebSocket.CLOSING).length,
  };
}

function Title() {
  return <h1>{useCampaign((state) => state.title)}</h1>;
}

test('K260 a provider with an url makes its client, under StrictMode one, and closes it when it is unmounted', async () => {
  const { url } = await server();
  const sockets = countedSockets();
  const tree = (
    <StrictMode>
      <CampaignProvider url={url} campaignId="spring" WebSocket={sockets.WebSocket}>
        <Title />
      </CampaignProvider>
    </StrictMode>
  );
  const { unmount } = render(tree);
  await screen.findByText('Spring', {}, WAIT);
  expect(sockets.made()).toBe(1);
  unmount();
  await waitFor(() => expect(sockets.open()).toBe(0), WAIT);
});

test('K260 another url is another client, another token is passed on, and a page is rendered on a server', async () => {
  const [first, second] = [await server(), await server()];
  const sockets = countedSockets();
  const seen: unknown[] = [];
  function Probe() {
    seen.push(useCampaignClient());
    const { state, status, error } = useCampaignState();
    return <p>{`${status} ${state.title} ${error?.reason}`}</p>;
  }
  const tree = (url: string, given: string | undefined) => (
    <CampaignProvider url={url} token={given} campaignId="spring" WebSocket={sockets.WebSocket}>
      <Probe />
    </CampaignProvider>
  );
  const { rerender } = render(tree(first.url, undefined));
  await waitFor(() => expect(sockets.made()).toBe(1), WAIT);
  await screen.findByText('success Spring undefined', {}, WAIT);
  rerender(tree(first.url, 'another'));
  await waitFor(() => expect(sockets.sent().some((frame) => frame.includes('"another"'))).toBe(true), WAIT);
  expect(new Set(seen).size).toBe(1);
  rerender(tree(second.url, 'another'));
  await waitFor(() => expect(new Set(seen).size).toBe(2), WAIT);
  await screen.findByText('success Spring undefined', {}, WAIT);
  await waitFor(() => expect(sockets.open()).toBe(1), WAIT);
  const made = sockets.made();
  expect(renderToString(tree(first.url, undefined))).toContain('pending');
  expect(sockets.made()).toBe(made);
});

test('K259 hooks show that their client was closed', async () => {
  const { url } = await server();
  const made = client(url);
  function Probe() {
    const { status, error } = useCampaignState();
    return <p>{`${status} ${error?.message}`}</p>;
  }
  render(
    <CampaignProvider client={made} campaignId="spring">
      <Probe />
    </CampaignProvider>,
  );
  await screen.findByText('success undefined', {}, WAIT);
  act(() => made.close());
  await screen.findByText('error The client has been closed', {}, WAIT);
});

test('K261 a client that is made with every suspended render is warned of, and opens no storm of sockets', async () => {
  const { url } = await server();
  const sockets = countedSockets();
  const logger = { warn: vi.fn(), error: vi.fn() };
  const renders = { count: 0 };
  function Careless() {
    renders.count += 1;
    if (renders.count > 100) return <p>stop</p>;
    const made = createCampaignClient({ url, WebSocket: sockets.WebSocket, logger });
    later(made.close);
    return (
      <CampaignProvider client={made} campaignId="spring">
        <Suspended />
      </CampaignProvider>
    );
  }
  function Suspended() {
    return <h1>{useSuspenseCampaign((state) => state.title)}</h1>;
  }
  render(
    <Suspense fallback={<p>…</p>}>
      <Careless />
    </Suspense>,
  );
  await waitFor(() => expect(logger.warn).toHaveBeenCalledTimes(1), WAIT);
  expect(logger.warn.mock.calls[0]?.[0]).toContain('Suspense');
  const made = sockets.made();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(sockets.made()).toBe(made);
  expect(made).toBeLessThan(10);
});

class Boundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state = { error: undefined };
  static getDerivedStateFromError = (error: Error) => ({ error });
  override render() {
    if (!this.state.error) return this.props.children;
    return <button onClick={() => this.setState({ error: undefined })}>again</button>;
  }
}

test('K253 an error boundary that is reset asks again', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  later(() => vi.restoreAllMocks());
  const { url } = await server();
  const made = client(url);
  function Later() {
    return <h1>{useSuspenseCampaign((state) => state.title, { campaignId: 'later' })}</h1>;
  }
  render(
    <CampaignProvider client={made}>
      <Boundary>
        <Suspense fallback={<p>…</p>}>
          <Later />
        </Suspense>
      </Boundary>
    </CampaignProvider>,
  );
  await screen.findByText('again', {}, WAIT);
  await made.trpc.campaign.create.mutate({ campaignId: 'later', state: { slug: 'later', title: 'Here' } });
  await waitFor(() => {
    for (const button of screen.queryAllByText('again')) fireEvent.click(button);
    screen.getByText('Here');
  }, WAIT);
});

test('K271 useCampaignEdit shows what becomes of its newest edit', async () => {
  const { url } = await server();
  const shown: string[] = [];
  function Form() {
    const { mutate, isPending, isDurable, error, reset } = useCampaignEdit((campaign, title: string) =>
      campaign.update({ title }),
    );
    shown.push(isPending ? 'pending' : isDurable ? 'durable' : (error?.reason ?? 'idle'));
    return (
      <>
        <button onClick={() => void mutate('New')}>save</button>
        <button onClick={() => void mutate('')}>fail</button>
        <button onClick={reset}>reset</button>
      </>
    );
  }
  render(
    <CampaignProvider client={client(url)} campaignId="spring">
      <Form />
    </CampaignProvider>,
  );
  fireEvent.click(screen.getByText('save'));
  await waitFor(() => expect(shown.at(-1)).toBe('durable'), WAIT);
  expect(shown[0]).toBe('idle');
  expect(shown).toContain('pending');
  fireEvent.click(screen.getByText('fail'));
  await waitFor(() => expect(shown.at(-1)).toBe('INVALID'), WAIT);
  fireEvent.click(screen.getByText('reset'));
  expect(shown.at(-1)).toBe('idle');
});
