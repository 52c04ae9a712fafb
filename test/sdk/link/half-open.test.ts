import { expect, test, vi } from 'vitest';
import {
  heartbeatTimeout,
  openLiveSocket,
  TIMEOUTS,
  type WebSocketLike,
} from '../../../client-sdk/src/link/live-socket.ts';
import { manualClock, type ManualClock } from '../support/manual-clock.ts';
import { client, live, proxyOf, server, WAIT } from '../support/world.ts';

test('K20 a half-open link is noticed within 5 s, and so is a handshake without an answer', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const clock = manualClock();
  let frames = 0;
  class Counted extends WebSocket {
    constructor(url: string) {
      super(url);
      this.addEventListener('message', () => (frames += 1));
    }
  }
  const made = client(proxy.url, { clock, WebSocket: Counted });
  const campaign = made.campaign('spring');
  await live(campaign);
  const status = () => made.connection.getSnapshot().status;

  // While heartbeats come, an idle link is not half-open.
  for (let seconds = 0; seconds < 20; seconds += 1) {
    const before = frames;
    clock.advance(2_500);
    await vi.waitFor(() => expect(frames).toBeGreaterThan(before), WAIT);
    expect(status()).toBe('connected');
  }

  proxy.freeze();
  clock.advance(4_999);
  expect(status()).toBe('reconnecting');

  // The next attempt reaches the proxy, which never answers.
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

/** Sockets of one connection, one after the other, with their shared heartbeat timeout. */
function socketsOf(clock: ManualClock) {
  const heartbeat = heartbeatTimeout(TIMEOUTS);
  return function open() {
    const listeners = new Map<string, (event: { data: unknown }) => void>();
    const inner: WebSocketLike = {
      send: () => undefined,
      close: () => undefined,
      addEventListener: (type, listener) => listeners.set(type, listener as never),
    };
    const openedAt = clock.now();
    let life: number | undefined;
    const ignore = (): void => undefined;
    const socket = openLiveSocket(inner, clock, TIMEOUTS, heartbeat, {
      opened: ignore,
      received: ignore,
      refused: ignore,
      closed: () => (life ??= clock.now() - openedAt),
    });
    listeners.get('open')?.({ data: undefined });
    return { socket, receive: (data: string) => listeners.get('message')?.({ data }), life: () => life };
  };
}

const STARTED = '{"id":1,"result":{"type":"started"}}';
const DATA = '{"id":1,"result":{"type":"data"}}';

test('K29 a state too large for a slow link arrives: the heartbeat timeout doubles with each try, until there is an answer', () => {
  const clock = manualClock();
  const open = socketsOf(clock);
  /** How long a socket lives over whose link nothing comes for so long. */
  const lifeOf = (delay: number): number | 'answered' => {
    const { socket, receive, life } = open();
    // Small frames first, then the large one and behind it the heartbeat.
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

test('K29 after one large state the extended timeout holds for the next one on the same socket', () => {
  const clock = manualClock();
  const open = socketsOf(clock);
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

test('K29 a link that brings nothing at all keeps the short timeout', () => {
  const clock = manualClock();
  const open = socketsOf(clock);
  const lives = [1, 2, 3].map(() => {
    const { life } = open();
    clock.advance(60_000);
    return life();
  });
  expect(lives).toEqual([4_500, 4_500, 4_500]);
});

test('K29 a link that was slow and goes on bringing frames is half-open within 5 s again', () => {
  const clock = manualClock();
  const open = socketsOf(clock);
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
  // The first moments of a socket say little: small frames are quick over any link.
  expect(lifeAfter(1)).toBe(10_500);
  expect(lifeAfter(10)).toBe(4_500);
});
