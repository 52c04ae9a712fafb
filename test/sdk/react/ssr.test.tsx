// @vitest-environment jsdom
import { act, waitFor } from '@testing-library/react';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Suspense, type ReactNode } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToPipeableStream } from 'react-dom/server.node';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  createCampaignClient,
  prefetchCampaign,
  type CampaignClient,
  type CampaignClientOptions,
} from '../../../client-sdk/src/index.ts';
import {
  CampaignProvider,
  useCampaign,
  useCampaignState,
  useSuspenseCampaign,
} from '../../../client-sdk/src/react/index.ts';
import { startServer } from '../support/server.ts';
import { WAIT } from '../../support/wait.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
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

test('K47 a page rendered on a server is hydrated, and its stream resumes from its position', async () => {
  const server = await startServer();
  closing.push(() => server.close());
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
  shown.length = 0;
  const wire: string[] = [];
  class TappedWebSocket extends WebSocket {
    constructor(url: string) {
      super(url);
      this.on('message', (data) => wire.push(`in ${data instanceof Buffer ? data.toString() : ''}`));
    }
    override send(data: string): void {
      wire.push(`out ${data}`);
      super.send(data);
    }
  }

  // In the browser.
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const recovered = vi.fn();
  const container = document.body.appendChild(document.createElement('div'));
  container.innerHTML = html;
  const root = hydrateRoot(container, app(client(server.url, { seeds: [seed], WebSocket: TappedWebSocket })), {
    onRecoverableError: recovered,
  });
  closing.push(() => act(() => root.unmount()));
  await waitFor(() => expect(container.textContent).toBe('Summer Hello'), WAIT);

  expect(recovered).not.toHaveBeenCalled();
  // That server and browser share a process is this test's own affair.
  expect(errors.mock.calls.filter(([message]) => !String(message).includes('multiple renderers'))).toEqual([]);
  expect([...new Set(shown)]).toEqual(['success Spring Hello', 'success Summer Hello']);
  const asked = wire.filter((line) => line.startsWith('out') && line.includes('"method":"subscription"'));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain(`"lastEventId":"${seed.epoch}:1"`);
  expect(wire.join()).not.toMatch(/"type":"snapshot"|"method":"query"/);
});

test('K48 on a server it streams with the first snapshot', async () => {
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
