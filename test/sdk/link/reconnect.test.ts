import { expect, test, vi } from 'vitest';
import { createCampaignClient } from '../../../client-sdk/src/index.ts';
import type { WebSocketLike } from '../../../client-sdk/src/link/live-socket.ts';
import type { Network } from '../../../client-sdk/src/link/network.ts';
import { manualClock, type ManualClock } from '../support/manual-clock.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';
import { breathe } from '../support/breathe.ts';

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
    // Half a minute of a server that accepts nobody: the delays have grown to seconds.
    expect(times.length).toBeLessThan(25);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(100);
  }
  const thirdAttempts = opened.map((times) => (times[3] ?? 0) - start);
  expect(Math.max(...thirdAttempts) - Math.min(...thirdAttempts)).toBeGreaterThan(1_000);
  expect(new Set(thirdAttempts).size).toBeGreaterThan(10);
});

/** The backoff delays of a client all of whose sockets fail, in order. */
async function waitsOf(
  attempts: number,
  fail: (emit: (type: 'open' | 'close') => void, clock: ManualClock) => void,
): Promise<number[]> {
  const clock = manualClock(3);
  class Failing implements WebSocketLike {
    readonly #listeners = new Map<string, ((event: never) => void)[]>();
    constructor() {
      setImmediate(() =>
        fail(
          (type) => this.#listeners.get(type)?.forEach((listener) => listener({ code: 1006, reason: '' } as never)),
          clock,
        ),
      );
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

test('K21 an unreachable server is tried at least every 4 s for about a minute, then within 30 s', async () => {
  const waits = await waitsOf(50, (emit) => emit('close'));
  const [first, then] = [waits.slice(0, 30), waits.slice(30)];
  expect(Math.max(...first)).toBeLessThanOrEqual(4_000);
  expect(Math.max(...first)).toBeGreaterThan(3_000);
  expect(Math.max(...then)).toBeGreaterThan(15_000);
  expect(Math.max(...then)).toBeLessThanOrEqual(30_000);
});

test.each<[string, Parameters<typeof waitsOf>[1]]>([
  ['accepts and closes', (emit) => (emit('open'), emit('close'))],
  ['does not answer', (_emit, clock) => clock.advance(5_000)],
])('K21 a server that %s is tried less often', async (_name, fail) => {
  const waits = await waitsOf(20, fail);
  expect(Math.max(...waits)).toBeGreaterThan(5_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
});

test('K22 the network’s return ends a backoff at once; without network and link it is offline', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const clock = manualClock();
  let online = true;
  let emit: Parameters<Network['onChange']>[0] = () => undefined;
  const network: Network = {
    online: () => online,
    onChange: (callback) => {
      emit = callback;
      return () => undefined;
    },
  };
  const made = client(proxy.url, { clock, network });
  await live(made.campaign('spring'));
  proxy.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('reconnecting'), WAIT);
  online = false;
  emit('offline');
  expect(made.connection.getSnapshot().status).toBe('offline');

  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(made.connection.getSnapshot().attempt).toBeGreaterThan(3);
  }, WAIT);
  online = true;
  emit('online');
  // What failed without a network says nothing of the server.
  expect(made.connection.getSnapshot()).toMatchObject({ status: 'reconnecting', attempt: 1 });
  await vi.waitFor(
    () => expect(made.connection.getSnapshot()).toMatchObject({ attempt: 2, retryAt: expect.any(Number) }),
    WAIT,
  );

  online = false;
  emit('offline');
  proxy.restore();
  await breathe();
  expect(made.connection.getSnapshot().status).toBe('offline');
  online = true;
  emit('online');
  // The clock has not moved: nothing else could have ended the wait.
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('connected'), WAIT);
});
