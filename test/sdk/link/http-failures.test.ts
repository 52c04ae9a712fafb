import { createServer, type RequestListener } from 'node:http';
import { connect, createServer as createTcpServer, type Server } from 'node:net';
import { expect, test, vi } from 'vitest';
import type { WebSocketLike } from '../../../client-sdk/src/link/live-socket.ts';
import { manualClock } from '../support/manual-clock.ts';
import { client, later, server, WAIT } from '../support/world.ts';

/** A WebSocket that a network lets not through. */
class Blocked implements WebSocketLike {
  send(): void {}
  close(): void {}
  addEventListener(type: string, listener: (event: never) => void): void {
    if (type === 'close') setTimeout(() => listener({ code: 1006, reason: '' } as never));
  }
}

async function portOf(listening: Server): Promise<number> {
  await new Promise((resolve) => listening.listen(0, '127.0.0.1', () => resolve(undefined)));
  later(() => listening.close());
  const address = listening.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function answering(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await portOf(createServer(listener))}`;
}

/** A proxy through which every request names another host. */
async function underAnotherName(port: number, host: string): Promise<string> {
  const proxy = createTcpServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.on('data', (data) => far.write(data.toString('latin1').replace(/^host: .*$/im, `Host: ${host}`), 'latin1'));
    far.pipe(near);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('close', () => far.destroy());
  });
  return `http://127.0.0.1:${await portOf(proxy)}`;
}

test.each<[string, () => Promise<string>, string, string]>([
  ['nothing', async () => 'http://127.0.0.1:9', 'unreachable', 'No server could be reached'],
  ['another program', () => answering((_, res) => res.writeHead(404).end('no')), 'not-found', '(404): no'],
  ['a balancer without servers', () => answering((_, res) => res.writeHead(503).end('no')), 'overloaded', '503: no'],
  ['a proxy that wants a login', () => answering((_, res) => res.writeHead(401).end('no')), 'foreign-answer', '401'],
  [
    'a captive portal',
    () => answering((_, res) => res.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>')),
    'foreign-answer',
    'a web page',
  ],
  [
    'a server that does not serve this name',
    async () =>
      underAnotherName((await server({ allowedOrigins: ['https://app.example.com'] })).port, 'elsewhere:4000'),
    'forbidden',
    'ALLOWED_ORIGINS',
  ],
])('K263 where %s answers, the connection says so', async (_name, start, reason, message) => {
  const url = await start();
  const clock = manualClock();
  const made = client(url, { clock, WebSocket: Blocked });
  later(made.campaign('spring').subscribe(() => undefined));
  await vi.waitFor(() => {
    clock.advance(500);
    expect(made.connection.getSnapshot().reason).toBe(reason);
  }, WAIT);
  expect(made.connection.getSnapshot().error?.message).toContain(message);
});

test('K264 a stream that stands still behind a proxy is noticed within 20 s, though other requests get through', async () => {
  const { port, url } = await server();
  let isFrozen = false;
  const proxy = createTcpServer((near) => {
    const far = connect(port, '127.0.0.1');
    let isStream = false;
    near.on('data', (data) => {
      isStream ||= data.includes('text/event-stream');
      far.write(data);
    });
    far.on('data', (data) => (isStream && isFrozen ? undefined : near.write(data)));
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  const clock = manualClock();
  const made = client(`http://127.0.0.1:${await portOf(proxy)}`, { clock, WebSocket: Blocked });
  const campaign = made.campaign('spring');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(() => {
    clock.advance(500);
    expect(campaign.getSnapshot().status).toBe('success');
  }, WAIT);
  isFrozen = true;
  await client(url).campaign('spring').update({ title: 'Missed' });
  const reasons: unknown[] = [];
  later(made.connection.subscribe(() => reasons.push(made.connection.getSnapshot().reason)));
  const frozenAt = clock.now();
  await vi.waitFor(() => {
    clock.advance(500);
    expect(reasons).toContain('timeout');
  }, WAIT);
  expect(clock.now() - frozenAt).toBeLessThanOrEqual(25_000);
  isFrozen = false;
  await vi.waitFor(() => {
    clock.advance(500);
    expect(campaign.getSnapshot().state.title).toBe('Missed');
  }, WAIT);
});
