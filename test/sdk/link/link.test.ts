import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { createMemoryArchive } from '../../../server/archive/index.ts';
import { manualClock } from '../support/manual-clock.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';
import { breathe } from '../support/breathe.ts';

test('K10 a retryable refusal holds back the mutations behind it', async () => {
  const archive = createMemoryArchive();
  let release = () => {};
  let held: Promise<void> | undefined = new Promise((resolve) => (release = resolve));
  const { url } = await server({
    maxBacklog: 2,
    archive: {
      ...archive,
      async commit(parts) {
        await held;
        return archive.commit(parts);
      },
    },
  });
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const receipts = Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      await breathe();
      return campaign.update({ counter: n });
    }),
  );
  await vi.waitFor(() => expect(campaign.getSnapshot().sync).toMatchObject({ unsavedCount: 8 }), WAIT);
  const second = campaign.update({ counter: 'last' });
  await breathe();
  expect(campaign.getSnapshot().sync.rejected).toEqual([]);
  held = undefined;
  release();
  const versions = [...(await receipts), await second].map(({ version }) => version);
  expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  await vi.waitFor(
    () =>
      expect(campaign.getSnapshot()).toMatchObject({
        version: 10,
        state: { counter: 'last' },
        sync: { state: 'saved' },
      }),
    WAIT,
  );
});

test('K25 a change is on the wire before anything that is rendered because of it', async () => {
  const { url } = await server();
  const happened: string[] = [];
  class Watched extends WebSocket {
    override send(data: string): void {
      if (data.includes('campaign.push')) happened.push('sent');
      super.send(data);
    }
  }
  const campaign = client(url, { WebSocket: Watched }).campaign('spring');
  await live(campaign);
  // As React does for what a user does: it renders in a microtask, as soon as it is notified of a change.
  later(campaign.subscribe(() => queueMicrotask(() => happened.push('rendered'))));
  await campaign.update({ title: 'Quick' });
  expect(happened[0]).toBe('sent');
});

test('K26 an unused link is closed without an error, and opened again for the next call', async () => {
  const proxy = await proxyOf(await server());
  const clock = manualClock();
  let frames = 0;
  class Counted extends WebSocket {
    constructor(url: string) {
      super(url);
      this.addEventListener('message', () => (frames += 1));
    }
  }
  const made = client(proxy.url, { clock, WebSocket: Counted });
  const states: string[] = [];
  made.connection.subscribe(() => states.push(made.connection.getSnapshot().status));
  const info = () => made.trpc.system.info.query();
  await Promise.all([info(), info()]);
  expect(states).toEqual(['connected']);
  for (const before of [0, 1, 2].map((heartbeats) => frames + heartbeats)) {
    clock.advance(2_500);
    // Heartbeats are no use of the link.
    await vi.waitFor(() => expect(frames).toBeGreaterThan(before), WAIT);
  }
  clock.advance(2_500);
  expect(states).toEqual(['connected', 'connecting']);
  clock.advance(60_000);
  await breathe();
  expect(proxy.connections()).toBe(1);
  expect(await info()).toMatchObject({ defaultCampaignId: 'spring' });
  expect(proxy.connections()).toBe(2);
  expect(states).toEqual(['connected', 'connecting', 'connected']);
});

test('K26 an aborted call ends at once, and so do the calls of a closed client', async () => {
  const proxy = await proxyOf(await server());
  const made = client(proxy.url);
  proxy.freeze();
  const givenUp = new AbortController();
  const call = made.trpc.system.info.query(undefined, { signal: givenUp.signal });
  givenUp.abort();
  await expect(call).rejects.toThrow();
  const waiting = made.trpc.system.info.query();
  made.close();
  await expect(waiting).rejects.toThrow('The client has been closed');
  await expect(made.trpc.system.info.query()).rejects.toThrow('The client has been closed');
});

test('K9 clients follow the server’s request to reconnect, and a raw subscription reports the link’s state', async () => {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  later(() => wss.close());
  const asked: unknown[] = [];
  wss.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString());
      if (frame.method !== 'subscription') return;
      asked.push(frame.params.lastEventId);
      socket.send(JSON.stringify({ id: frame.id, result: { type: 'started' } }));
      socket.send(
        JSON.stringify({
          id: frame.id,
          result: { type: 'data', id: 'e:7', data: { id: 'e:7', data: { type: 'durable', position: 'e:7' } } },
        }),
      );
      if (asked.length === 1) socket.send(JSON.stringify({ id: null, method: 'reconnect' }));
    });
  });
  await new Promise((resolve) => wss.once('listening', resolve));
  const address = wss.address();
  const made = client(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const states: string[] = [];
  const { unsubscribe } = made.trpc.campaign.watch.subscribe(
    {},
    { onConnectionStateChange: ({ state }) => states.push(state) },
  );
  await vi.waitFor(() => expect(asked).toEqual([undefined, 'e:7']), WAIT);
  expect(states).toEqual(['connecting', 'pending', 'connecting', 'pending']);
  unsubscribe();
});
