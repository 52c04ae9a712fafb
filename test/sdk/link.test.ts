import { expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { createCampaignClient } from '../../client-sdk/src/index.ts';
import { answerPatience, openLiveSocket, TIMEOUTS, type WebSocketLike } from '../../client-sdk/src/live-socket.ts';
import type { Network } from '../../client-sdk/src/network.ts';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { manualClock, type ManualClock } from './support/manual-clock.ts';
import { SECRET, token } from './support/token.ts';
import { client, later, live, proxyOf, server, WAIT } from './support/world.ts';

/** Lets sockets, microtasks and the tRPC client's own zero timers go on, without moving the manual clock. */
const breathe = () => new Promise<void>((resolve) => setTimeout(resolve, 2));

test('K20 a half-open link is noticed within 5 s, is seen meanwhile, and so is a handshake that nobody answers', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const clock = manualClock();
  const made = client(proxy.url, { clock });
  const campaign = made.campaign('spring');
  await live(campaign);
  const status = () => made.connection.getSnapshot().status;

  // While the server answers, silence alone is no death.
  for (let seconds = 0; seconds < 20; seconds += 1) {
    clock.advance(2_500);
    await vi.waitFor(() => expect(status()).toBe('connected'), WAIT);
    await breathe();
    await breathe();
  }

  proxy.freeze();
  clock.advance(4_999);
  expect(status()).toBe('reconnecting');

  // The next attempt reaches the proxy, and no answer ever comes.
  const before = proxy.connections();
  await vi.waitFor(() => {
    clock.advance(100);
    expect(proxy.connections()).toBeGreaterThan(before);
  }, WAIT);
  expect(status()).toBe('reconnecting');
  const attempts = made.connection.getSnapshot().attempt;
  clock.advance(5_000);
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: attempts + 1 });

  proxy.restore();
  const change = campaign.update({ title: 'Back' });
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(status()).toBe('connected');
  }, WAIT);
  expect(await change).toMatchObject({ version: 2 });
});

/** Sockets of one connection, one after the other, as far as their patience goes. */
function patientSockets(clock: ManualClock) {
  const patience = answerPatience(TIMEOUTS);
  return function open() {
    const heard = new Map<string, (event: { data: unknown }) => void>();
    const inner: WebSocketLike = { send: () => undefined, close: () => undefined, addEventListener: (type, listener) => heard.set(type, listener as never) };
    const openedAt = clock.now();
    let life: number | undefined;
    const ignore = (): void => undefined;
    const socket = openLiveSocket(inner, clock, TIMEOUTS, patience, {
      opened: ignore,
      received: ignore,
      refused: ignore,
      closed: () => (life ??= clock.now() - openedAt),
    });
    heard.get('open')?.({ data: undefined });
    return { socket, receive: (data: string) => heard.get('message')?.({ data }), life: () => life };
  };
}

const STARTED = '{"id":1,"result":{"type":"started"}}';
const DATA = '{"id":1,"result":{"type":"data"}}';

test('K29 on a link too slow for the present state it arrives all the same: each try is given more patience, until there is an answer', () => {
  const clock = manualClock();
  const open = patientSockets(clock);
  /** How long a socket lives over whose link nothing comes for so long. */
  const lifeOf = (delay: number): number | 'answered' => {
    const { socket, receive, life } = open();
    // First what is small, then the large frame and behind it the answer.
    receive(STARTED);
    clock.advance(delay);
    const ended = life();
    if (ended !== undefined) return ended;
    receive(DATA);
    receive('PONG');
    socket.close();
    return 'answered';
  };
  expect([lifeOf(12_000), lifeOf(12_000), lifeOf(12_000), lifeOf(12_000)]).toEqual([4_500, 6_500, 10_500, 'answered']);
  expect(lifeOf(12_000)).toBe(4_500);
  for (let attempt = 0; attempt < 10; attempt += 1) lifeOf(1_000_000);
  expect(lifeOf(1_000_000)).toBe(34_500);
});

test('K29 after one large state there is as much patience for the next, which comes on the same socket', () => {
  const clock = manualClock();
  const open = patientSockets(clock);
  const lifeWith = (pause: number): number | undefined => {
    const { receive, life } = open();
    receive(STARTED);
    for (let state = 0; state < 2; state += 1) {
      clock.advance(pause);
      receive(DATA);
    }
    return life();
  };
  expect([lifeWith(10_000), lifeWith(10_000), lifeWith(10_000)]).toEqual([4_500, 6_500, undefined]);
});

test('K29 a link that brings nothing at all is given no more patience', () => {
  const clock = manualClock();
  const open = patientSockets(clock);
  const lives = [1, 2, 3].map(() => {
    const { life } = open();
    clock.advance(60_000);
    return life();
  });
  expect(lives).toEqual([4_500, 4_500, 4_500]);
});

test('K29 a link that was slow and goes on bringing frames is half-open within 5 s again', () => {
  const clock = manualClock();
  const open = patientSockets(clock);
  const lifeAfter = (frames: number): number => {
    const { receive, life } = open();
    receive(STARTED);
    for (let frame = 0; frame < frames; frame += 1) {
      clock.advance(1_000);
      receive(DATA);
    }
    clock.advance(60_000);
    return (life() ?? 0) - frames * 1_000;
  };
  expect([lifeAfter(0), lifeAfter(0)]).toEqual([4_500, 6_500]);
  // Its first moments say little: what is small comes quickly over any link.
  expect(lifeAfter(1)).toBe(10_500);
  expect(lifeAfter(10)).toBe(4_500);
});

test('K21 a server that accepts and closes at once is not hammered, and a hundred clients come back spread out', async () => {
  const clock = manualClock(7);
  const opened: number[][] = [];

  for (let index = 0; index < 100; index += 1) {
    const times: number[] = [];
    opened.push(times);
    class AcceptThenClose implements WebSocketLike {
      readonly #listeners = new Map<string, (event: never) => void>();
      constructor() {
        times.push(clock.now());
        clock.after(1, () => this.#listeners.get('open')?.({} as never));
        clock.after(31, () => this.#listeners.get('close')?.({ code: 1013, reason: 'try again later' } as never));
      }
      send(): void {}
      close(): void {}
      addEventListener(type: string, listener: (event: never) => void): void {
        this.#listeners.set(type, listener);
      }
    }
    const made = createCampaignClient({ url: 'http://127.0.0.1:9', WebSocket: AcceptThenClose, clock });
    later(made.close);
    later(made.campaign('spring').subscribe(() => undefined));
  }
  await breathe();
  const start = clock.now();
  for (let step = 0; step < 300; step += 1) {
    clock.advance(100);
    await breathe();
  }
  for (const times of opened) {
    expect(times.length).toBeGreaterThan(3);
    // Half a minute of a server that takes nobody: the delays have grown to seconds.
    expect(times.length).toBeLessThan(25);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(100);
  }
  const thirdAttempts = opened.map((times) => (times[3] ?? 0) - start);
  expect(Math.max(...thirdAttempts) - Math.min(...thirdAttempts)).toBeGreaterThan(1_000);
  expect(new Set(thirdAttempts).size).toBeGreaterThan(10);
});

/** The waits of a client, in order, none of whose sockets comes to anything. */
async function waitsOf(attempts: number, fail: (tell: (type: 'open' | 'close') => void, clock: ManualClock) => void): Promise<number[]> {
  const clock = manualClock(3);
  class Failing implements WebSocketLike {
    readonly #listeners = new Map<string, ((event: never) => void)[]>();
    constructor() {
      setImmediate(() => fail((type) => this.#listeners.get(type)?.forEach((listener) => listener({ code: 1006, reason: '' } as never)), clock));
    }
    send(): void {}
    close(): void {}
    addEventListener(type: string, listener: (event: never) => void): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }
  }
  const made = client('http://127.0.0.1:9', { WebSocket: Failing, clock });
  later(made.campaign('spring').subscribe(() => undefined));
  const waits: number[] = [];
  for (const { connection } = made; waits.length < attempts; clock.advance(waits.at(-1) ?? 0)) {
    while (connection.getSnapshot().attempt !== waits.length + 1) await breathe();
    waits.push((connection.getSnapshot().retryAt ?? 0) - clock.now());
  }
  return waits;
}

test('K21 a server that refuses at once is asked at least every 4 s for about a minute, then within 30 s', async () => {
  const waits = await waitsOf(50, (tell) => tell('close'));
  const [first, then] = [waits.slice(0, 30), waits.slice(30)];
  expect(Math.max(...first)).toBeLessThanOrEqual(4_000);
  expect(Math.max(...first)).toBeGreaterThan(3_000);
  expect(Math.max(...then)).toBeGreaterThan(15_000);
  expect(Math.max(...then)).toBeLessThanOrEqual(30_000);
});

test.each<[string, Parameters<typeof waitsOf>[1]]>([
  ['lets in and closes', (tell) => (tell('open'), tell('close'))],
  ['does not answer', (_tell, clock) => clock.advance(5_000)],
])('K21 a server that %s is left more time', async (_name, fail) => {
  const waits = await waitsOf(20, fail);
  expect(Math.max(...waits)).toBeGreaterThan(5_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
});

test('K22 the network’s return ends a wait at once; without network and link it is offline', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const clock = manualClock();
  let online = true;
  let tell: Parameters<Network['onChange']>[0] = () => undefined;
  const network: Network = {
    online: () => online,
    onChange: (callback) => {
      tell = callback;
      return () => undefined;
    },
  };
  const made = client(proxy.url, { clock, network });
  await live(made.campaign('spring'));
  proxy.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
  online = false;
  tell('offline');
  expect(made.connection.getSnapshot().status).toBe('offline');

  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(made.connection.getSnapshot().attempt).toBeGreaterThan(3);
  }, WAIT);
  online = true;
  tell('online');
  // What failed without a network says nothing of the server.
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 1 });
  await vi.waitFor(() => expect(made.connection.getSnapshot()).toMatchObject({ attempt: 2, retryAt: expect.any(Number) }), WAIT);

  online = false;
  tell('offline');
  proxy.restore();
  await breathe();
  expect(made.connection.getSnapshot().status).toBe('offline');
  online = true;
  tell('online');
  // The clock has not moved: nothing else could have ended the wait.
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('connected'), WAIT);
});

const auth = { kind: 'secret', secret: SECRET } as const;

test('K12 without a token it needs one, makes no further attempts, and goes on with it', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const made = client(proxy.url);
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  const early = campaign.update({ title: 'Early' });
  await vi.waitFor(() => expect(made.connection.getSnapshot()).toMatchObject({ status: 'needs-auth', error: { reason: 'UNAUTHORIZED' } }), WAIT);
  const attempts = proxy.connections();
  for (let turn = 0; turn < 50; turn += 1) await breathe();
  expect(proxy.connections()).toBe(attempts);

  await made.authenticate(await token('editor'));
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ status: 'success', state: { title: 'Early' } }), WAIT);
  expect(await early).toMatchObject({ version: 2 });
});

test('K12 a token function is asked at every connect', async () => {
  const started = await server({ auth });
  const proxy = await proxyOf(started);
  const asked = vi.fn(() => token('editor'));
  const campaign = client(proxy.url, { token: asked }).campaign('spring');
  await live(campaign);
  expect(asked).toHaveBeenCalledTimes(1);
  proxy.cut();
  await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2), WAIT);
  expect(await campaign.update({ title: 'With the second' })).toMatchObject({ version: 2 });
});

test('K12 a token function that fails is asked again, later', async () => {
  const { url } = await server({ auth });
  const asked = vi.fn(() => token('viewer')).mockRejectedValueOnce(new Error('the login service is down'));
  const made = client(url, { token: asked });
  await live(made.campaign('spring'));
  expect(asked).toHaveBeenCalledTimes(2);
});

test('K12 a token function whose token was refused is asked for another, and the server is left alone meanwhile', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const clock = manualClock();
  let current = 'nonsense';
  const made = client(proxy.url, { token: () => current, clock });
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('needs-auth'), WAIT);
  const attempts = proxy.connections();
  for (let turn = 0; turn < 20; turn += 1) {
    clock.advance(5_000);
    await breathe();
  }
  expect(proxy.connections()).toBe(attempts);

  current = await token('viewer');
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(campaign.getSnapshot().status).toBe('success');
  }, WAIT);
});

test('K12 new rights on a living link, without a new one; a bad token changes nothing', async () => {
  const proxy = await proxyOf(await server({ auth }));
  const made = client(proxy.url, { token: await token('viewer') });
  const campaign = made.campaign('spring');
  await live(campaign);
  await expect(campaign.update({ title: 'Not allowed' })).rejects.toMatchObject({ reason: 'FORBIDDEN' });
  expect(campaign.getSnapshot().state.title).toBe('Spring');
  await expect(made.authenticate('nonsense')).rejects.toMatchObject({ reason: 'UNAUTHORIZED' });
  expect(made.connection.getSnapshot().status).toBe('connected');

  await made.authenticate(await token('editor'));
  expect(await campaign.update({ title: 'Allowed' })).toMatchObject({ version: 2 });
  expect(proxy.connections()).toBe(1);
});

test('K12 a token that expires is asked for again, and nothing is lost', async () => {
  const { url } = await server({ auth });
  const tokens = [await token('editor', 2), await token('editor')];
  const made = client(url, { token: () => tokens.shift() });
  const campaign = made.campaign('spring');
  await live(campaign);
  await vi.waitFor(() => expect(tokens).toHaveLength(0), WAIT);
  expect(await campaign.update({ title: 'After' })).toMatchObject({ version: 2 });
});

test('K13 a server that no longer speaks this contract ends the client for good', async () => {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  later(() => wss.close());
  let connections = 0;
  wss.on('connection', (socket) => {
    connections += 1;
    socket.send(JSON.stringify({ id: null, error: { code: -32600, message: 'Contract 1 is no longer spoken', data: { code: 'BAD_REQUEST', reason: 'UPGRADE_REQUIRED' } } }));
  });
  await new Promise((resolve) => wss.once('listening', resolve));
  const address = wss.address();
  const made = client(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(made.connection.getSnapshot()).toMatchObject({ status: 'closed', error: { reason: 'UPGRADE_REQUIRED' } }), WAIT);
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'UPGRADE_REQUIRED' } }), WAIT);
  for (let turn = 0; turn < 50; turn += 1) await breathe();
  expect(connections).toBe(1);
});

test('K10 a refusal that passes by itself holds back what stands behind it', async () => {
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
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ version: 10, state: { counter: 'last' }, sync: { state: 'saved' } }), WAIT);
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
  // As React does for what a user does: it renders in a microtask, as soon as it hears of a change.
  later(campaign.subscribe(() => queueMicrotask(() => happened.push('rendered'))));
  await campaign.update({ title: 'Quick' });
  expect(happened[0]).toBe('sent');
});

test('K26 a link that nothing needs is given back, without a word of trouble, and is there again for the next call', async () => {
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
  for (const before of [0, 1, 2].map((signs) => frames + signs)) {
    clock.advance(2_500);
    // Signs of life are no use of the link.
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

test('K26 a call that is given up waits for no answer, and a closed client answers at once', async () => {
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

test('K9 a server that asks its clients to connect again gets them back, and a raw subscription says how its link stands', async () => {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  later(() => wss.close());
  const asked: unknown[] = [];
  wss.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString());
      if (frame.method !== 'subscription') return;
      asked.push(frame.params.lastEventId);
      socket.send(JSON.stringify({ id: frame.id, result: { type: 'started' } }));
      socket.send(JSON.stringify({ id: frame.id, result: { type: 'data', id: 'e:7', data: { id: 'e:7', data: { type: 'durable', position: 'e:7' } } } }));
      if (asked.length === 1) socket.send(JSON.stringify({ id: null, method: 'reconnect' }));
    });
  });
  await new Promise((resolve) => wss.once('listening', resolve));
  const address = wss.address();
  const made = client(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
  const states: string[] = [];
  const { unsubscribe } = made.trpc.campaign.watch.subscribe({}, { onConnectionStateChange: ({ state }) => states.push(state) });
  await vi.waitFor(() => expect(asked).toEqual([undefined, 'e:7']), WAIT);
  expect(states).toEqual(['connecting', 'pending', 'connecting', 'pending']);
  unsubscribe();
});
