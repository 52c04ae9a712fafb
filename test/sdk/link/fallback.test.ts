import { afterEach, expect, test, vi } from 'vitest';

import { readServerSentEvents } from '../../../client-sdk/src/link/http/server-sent-events.ts';
import type { WebSocketLike } from '../../../client-sdk/src/link/live-socket.ts';
import { manualClock } from '../support/manual-clock.ts';
import { SECRET, token } from '../support/token.ts';
import { client, later, proxyOf, server, WAIT } from '../support/world.ts';

/** A network that lets WebSockets through, or does not. */
function network() {
  let blocked = true;
  let attempts = 0;
  let sent = 0;
  class Blocked implements WebSocketLike {
    send(): void {}
    close(): void {}
    addEventListener(type: string, listener: (event: never) => void): void {
      if (type === 'close') setTimeout(() => listener({ code: 1006, reason: '' } as never));
    }
  }
  class Counted extends WebSocket {
    override send(data: string): void {
      sent += 1;
      super.send(data);
    }
  }
  // A function can be called with `new` and return what it likes; its type cannot say so.
  const Chosen = function open(url: string): WebSocketLike {
    attempts += 1;
    return blocked ? new Blocked() : new Counted(url);
  } as unknown as new (url: string) => WebSocketLike;
  return { WebSocket: Chosen, attempts: () => attempts, sent: () => sent, unblock: () => (blocked = false) };
}

/** Moves the clock until something is so, five times as fast as time: a server's answer has to keep up. */
function eventually(clock: ReturnType<typeof manualClock>, check: () => void): Promise<void> {
  return vi.waitFor(
    () => {
      clock.advance(500);
      check();
    },
    { ...WAIT, interval: 100 },
  );
}

test('K24 where no WebSocket gets through, everything works over http and server-sent events, and moves back', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const { WebSocket: Chosen, attempts, sent, unblock } = network();
  const clock = manualClock();
  const made = client(proxy.url, { WebSocket: Chosen, clock });
  const campaign = made.campaign();
  campaign.subscribe(() => undefined);
  await eventually(clock, () =>
    expect(campaign.getSnapshot()).toMatchObject({ status: 'success', campaignId: 'spring' }),
  );
  // Two that failed, and further ones while the code of the fallback is being loaded.
  expect(attempts()).toBeGreaterThanOrEqual(3);
  expect(made.connection.getSnapshot().status).toBe('connected');

  // Live, in order, refused where it must be, durable.
  const other = client(started.url).campaign('spring');
  await other.update({ title: 'Theirs' });
  await vi.waitFor(() => expect(campaign.getSnapshot().state.title).toBe('Theirs'), WAIT);
  const changes = [1, 2, 3].map((counter) => campaign.update({ counter }));
  expect((await Promise.all(changes)).map(({ version }) => version)).toEqual([3, 4, 5]);
  await expect(campaign.update({ status: 'wrong' as 'draft' })).rejects.toMatchObject({
    reason: 'INVALID',
    path: ['status'],
  });
  expect(await changes[2]?.durable).toMatchObject({ durability: 'durable' });
  const direct = [6, 7, 8].map((counter) =>
    made.trpc.campaign.update.mutate({ campaignId: 'spring', updates: { counter } }),
  );
  expect((await Promise.all(direct)).map((answer) => ('version' in answer ? answer.version : 0))).toEqual([6, 7, 8]);

  // Cut, and resumed without a snapshot.
  const before = campaign.getSnapshot().recentEntries.length;
  proxy.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
  await other.update({ title: 'Meanwhile' });
  proxy.restore();
  await eventually(clock, () =>
    expect(campaign.getSnapshot()).toMatchObject({ version: 9, state: { title: 'Meanwhile' } }),
  );
  expect(campaign.getSnapshot().recentEntries.length).toBeGreaterThan(before);

  unblock();
  await eventually(clock, () => expect(sent()).toBeGreaterThan(0));
  void campaign.update({ title: 'Back' });
  await eventually(clock, () =>
    expect(campaign.getSnapshot()).toMatchObject({ version: 10, sync: { pendingCount: 0 } }),
  );
});

test('K24 over http an unknown campaign is NOT_FOUND too', async () => {
  const { url } = await server();
  const clock = manualClock();
  const nowhere = client(url, { WebSocket: network().WebSocket, clock }).campaign('nowhere');
  nowhere.subscribe(() => undefined);
  await eventually(clock, () =>
    expect(nowhere.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'NOT_FOUND' } }),
  );
});

test('K24 over http rights are those of the token, and change with a new one', async () => {
  const auth = { kind: 'secret', secret: SECRET } as const;
  const { url } = await server({ auth });
  const clock = manualClock();
  const made = client(url, { WebSocket: network().WebSocket, clock, token: await token('viewer') });
  const campaign = made.campaign('spring');
  campaign.subscribe(() => undefined);
  await eventually(clock, () => expect(campaign.getSnapshot().status).toBe('success'));
  await expect(campaign.update({ title: 'Not allowed' })).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  await expect(made.authenticate('nonsense')).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  await made.authenticate(await token('editor'));
  void campaign.update({ title: 'Allowed' });
  await eventually(clock, () =>
    expect(campaign.getSnapshot()).toMatchObject({
      version: 2,
      state: { title: 'Allowed' },
      sync: { pendingCount: 0 },
    }),
  );
});

test.each([6, 7])(
  'K24 a server that was away is reached by WebSocket when it is back, not by http, after %i attempts',
  async (attempts) => {
    const started = await server();
    const proxy = await proxyOf(started);
    const clock = manualClock();
    proxy.sever();
    let opened = 0;
    class Counted extends WebSocket {
      constructor(url: string) {
        super(url);
        this.addEventListener('open', () => (opened += 1));
      }
    }
    const made = client(proxy.url, { WebSocket: Counted, clock });
    const campaign = made.campaign('spring');
    campaign.subscribe(() => undefined);
    await eventually(clock, () =>
      expect(made.connection.getSnapshot()).toMatchObject({ attempt: attempts, retryAt: expect.any(Number) }),
    );
    proxy.restore();
    await eventually(clock, () => expect(campaign.getSnapshot().status).toBe('success'));
    expect(opened).toBe(1);
  },
);

test('K24 a WebSocket that does not open in time leaves its attempt to http, and is closed when it opens late', async () => {
  const { url } = await server();
  const clock = manualClock();
  const sockets: { open(): void; closed: boolean }[] = [];
  class Swallowed implements WebSocketLike {
    closed = false;
    readonly #opens: ((event: never) => void)[] = [];
    constructor() {
      sockets.push(this);
    }
    send(): void {
      throw new Error('it is not open');
    }
    close(): void {
      this.closed = true;
    }
    open(): void {
      for (const listener of this.#opens) listener({} as never);
    }
    addEventListener(type: string, listener: (event: never) => void): void {
      if (type === 'open') this.#opens.push(listener);
    }
  }
  const campaign = client(url, { WebSocket: Swallowed, clock }).campaign('spring');
  campaign.subscribe(() => undefined);
  await eventually(clock, () => expect(campaign.getSnapshot().status).toBe('success'));
  expect(sockets.map(({ closed }) => closed)).toEqual([true, true, true]);
  sockets[2]?.open();
  expect(await campaign.update({ title: 'Over http' })).toMatchObject({ version: 2 });
});

afterEach(() => vi.unstubAllGlobals());

test('K312 over http all campaigns share one stream, and end one by one', async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `campaign-${index}`);
  const campaigns = ids.map((campaignId) => ({ campaignId, state: { slug: campaignId, title: campaignId } }));
  const { url } = await server({ campaigns });
  const streams: string[] = [];
  const real = fetch;
  vi.stubGlobal('fetch', (address: string, init?: RequestInit) => {
    if (address.includes('campaign.watch')) streams.push(address);
    return real(address, init);
  });
  const clock = manualClock();
  const made = client(url, { WebSocket: network().WebSocket, clock, releaseAfterMs: 0 });
  const watched = [...ids, 'nowhere'].map((id) => made.campaign(id));
  const stops = watched.map((campaign) => campaign.subscribe(() => undefined));
  const statuses = () => watched.map((campaign) => campaign.getSnapshot().status);
  await eventually(clock, () => expect(statuses()).toEqual([...ids.map(() => 'success'), 'error']));
  expect(watched.at(-1)?.getSnapshot().error).toMatchObject({ reason: 'NOT_FOUND' });
  // 32 are as many as the server takes in one.
  expect(streams).toHaveLength(2);

  // Another one is added, one is left: those that stay go on with entries.
  const other = client(url);
  stops[0]?.();
  await other.campaign('campaign-7').update({ title: 'Meanwhile' });
  await eventually(clock, () => expect(watched[7]?.getSnapshot()).toMatchObject({ version: 2 }));
  await other.trpc.campaign.create.mutate({ campaignId: 'nowhere', state: { slug: 'nowhere', title: 'Now here' } });
  await eventually(clock, () => expect(watched.at(-1)?.getSnapshot().state.title).toBe('Now here'));
  await other.campaign('campaign-39').update({ title: 'At last' });
  await eventually(clock, () => expect(watched[39]?.getSnapshot().state.title).toBe('At last'));
  for (const campaign of [watched[7], watched[39]]) expect(campaign?.getSnapshot().recentEntries).toHaveLength(1);
  for (const stop of stops) stop();
});

test('K313 where there is no WebSocket, the client goes over http without being told', async () => {
  const { url } = await server();
  vi.stubGlobal('WebSocket', undefined);
  const campaign = client(url).campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
  expect(await campaign.update({ title: 'Over http' })).toMatchObject({ version: 2 });
});

test('K313 where there are neither WebSockets nor streams, it says what is missing', () => {
  vi.stubGlobal('WebSocket', undefined);
  vi.stubGlobal('ReadableStream', undefined);
  expect(() => client('http://127.0.0.1:9')).toThrow('option WebSocket');
});

test('K24 server-sent events are parsed however they are chunked', async () => {
  const text =
    'event: connected\ndata: {"a":1}\n\n: a comment\n\ndata: {"b":\ndata: 2}\nid: e1:7\n\nevent: ping\ndata:\n\n';
  for (const size of [1, 3, 7, 1_000]) {
    const bytes = new TextEncoder().encode(text.replaceAll('"a"', '"ä"'));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const events = [];
    for await (const event of readServerSentEvents(body)) events.push(event);
    expect(events).toEqual([
      { event: 'connected', data: '{"ä":1}', id: undefined },
      { event: undefined, data: '{"b":\n2}', id: 'e1:7' },
      { event: 'ping', data: '', id: undefined },
    ]);
  }
});

test('E65 over http, what waits behind another mutation and is withdrawn meanwhile is not sent', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const { WebSocket: Chosen } = network();
  const clock = manualClock();
  const made = client(proxy.url, { WebSocket: Chosen, clock });
  const campaign = made.campaign('spring');
  campaign.subscribe(() => undefined);
  await eventually(clock, () => expect(campaign.getSnapshot().status).toBe('success'));
  const update = (title: string, signal?: AbortSignal) =>
    made.trpc.campaign.update.mutate({ campaignId: 'spring', updates: { title } }, { ...(signal && { signal }) });
  proxy.stall();
  const first = update('Sent before');
  const withdrawn = new AbortController();
  const second = update('Withdrawn', withdrawn.signal);
  withdrawn.abort();
  await expect(second).rejects.toThrow();
  proxy.restore();
  await first;
  await update('Sent after');
  const { items } = await made.trpc.campaign.history.query({ campaignId: 'spring' });
  expect(items.map(({ change }) => change['title']).slice(0, 2)).toEqual(['Sent after', 'Sent before']);
});
