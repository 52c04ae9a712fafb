import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { API_LIMITS } from '../../../server/api/limits.ts';
import { MAX_REFUSED_BODIES } from '../../../server/api/transport/tcp-connections.ts';
import { createLogger } from '../../../server/index.ts';
import { httpClient, rawSocket, wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { metric } from '../../support/metric.ts';

/** A TCP connection that collects what it gets. */
interface Tcp {
  readonly socket: Socket;
  text: string;
  isClosed: boolean;
}

async function open(port: number): Promise<Tcp> {
  const socket = connect(port, '127.0.0.1');
  const tcp: Tcp = { socket, text: '', isClosed: false };
  socket.on('error', () => undefined);
  socket.on('close', () => (tcp.isClosed = true));
  socket.setEncoding('latin1').on('data', (text: string) => (tcp.text += text));
  cleanUp(() => socket.destroy());
  await once(socket, 'connect');
  return tcp;
}

const input = encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }));
const request = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const GET = request(`/trpc/campaign.get?input=${input}`);
const WATCH = request(`/trpc/campaign.watch?input=${input}`);

describe('H32 pipelined requests', () => {
  test('H32 are answered one after the other, in order', async () => {
    const { port } = await startServer();
    const tcp = await open(port);
    tcp.socket.write(Array.from({ length: 10 }, (_, index) => request(`/livez?${index}`)).join('') + GET);
    await until(() => tcp.text.split('HTTP/1.1 200').length === 12);
    expect(tcp.text.lastIndexOf('"status":"ok"')).toBeLessThan(tcp.text.indexOf('"campaignId"'));
    // The connection stays usable.
    tcp.text = '';
    tcp.socket.write(GET);
    await until(() => tcp.text.includes('"campaignId"'));
  });

  test('H32 behind a stream they end the connection, and nothing is done for them', async () => {
    const { url, port } = await startServer();
    for (const bytes of [[WATCH, GET], [WATCH + GET]]) {
      const tcp = await open(port);
      for (const part of bytes) {
        tcp.socket.write(part);
        if (bytes.length > 1) await until(() => tcp.isClosed || tcp.text.includes('event: '));
      }
      await until(() => tcp.isClosed);
      expect(tcp.text).not.toContain('"result":{"data":{"campaignId"');
    }
    expect(await metric(url, 'connections_cut_total{cause="pipelined"}')).toBe(2);
  });

  test('H32 more than may wait end the connection', async () => {
    const { url, port } = await startServer();
    const tcp = await open(port);
    tcp.socket.write(GET.repeat(100));
    await until(() => tcp.isClosed);
    expect(await metric(url, 'connections_cut_total{cause="pipelined"}')).toBe(1);
  });
});

describe('H33 unfinished http bodies', () => {
  const post = (headers: string, length: number): string =>
    `POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}Content-Length: ${length}\r\n\r\n`;

  test('H33 of callers without a token are not held: a large one is refused before it is sent', async () => {
    const { url, port } = await startGuarded();
    const tcp = await open(port);
    tcp.socket.write(post('', 1_000_000));
    tcp.socket.write('x'.repeat(500_000));
    await until(() => tcp.text.includes('HTTP/1.1 401'));
    expect(tcp.text).toContain('UNAUTHORIZED');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await metric(url, 'unfinished_bytes')).toBe(0);
  });

  test('H33 a refused body that goes on and on ends its connection', async () => {
    const { port } = await startGuarded();
    const tcp = await open(port);
    tcp.socket.write(post('', 100_000_000));
    await until(() => tcp.text.includes('HTTP/1.1 401'));
    let sent = 0;
    while (!tcp.isClosed) {
      tcp.socket.write(Buffer.alloc(100_000));
      sent += 100_000;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(sent).toBeLessThan(50_000_000);
  });

  test.each([
    { what: 'calls without a token', path: '/trpc/campaign.update', status: 401 },
    { what: 'an unknown path', path: '/dev/nothing', status: 404 },
  ])('H42 those of $what that do not end are cut once there are too many, the first of them first', async (row) => {
    const { url, port } = await startGuarded({ callLimit: 0 });
    const send = async (length = 1_000_000): Promise<Tcp> => {
      const tcp = await open(port);
      tcp.socket.write(post('', length).replace('/trpc/campaign.update', row.path));
      tcp.socket.write('x'.repeat(Math.min(length, 20_000)));
      await until(() => tcp.text.includes(`HTTP/1.1 ${row.status}`));
      return tcp;
    };
    // What is complete is not among them.
    const complete = [await send(20_000), await send(10), await send(0)];
    const all: Tcp[] = [];
    for (let count = 0; count < MAX_REFUSED_BODIES; count += 1) all.push(await send());
    expect(all.some(({ isClosed }) => isClosed)).toBe(false);
    for (let count = 0; count < 3; count += 1) all.push(await send());
    await until(() => all.slice(0, 3).every(({ isClosed }) => isClosed));
    expect(all.slice(3).some(({ isClosed }) => isClosed)).toBe(false);
    expect(complete.some(({ isClosed }) => isClosed)).toBe(false);
    expect(await metric(url, 'connections_cut_total{cause="unfinished"}')).toBe(3);
  });

  test('H42 those whose connection has ended are not counted', async () => {
    const { port } = await startGuarded({ callLimit: 0 });
    const send = async (): Promise<Tcp> => {
      const tcp = await open(port);
      tcp.socket.write(post('', 1_000));
      return tcp;
    };
    const waiting = await open(port);
    waiting.socket.write(post('', 1_000_000));
    await until(() => waiting.text.includes('HTTP/1.1 401'));
    for (let count = 0; count < MAX_REFUSED_BODIES + 10; count += 1) (await send()).socket.resetAndDestroy();
    const probe = await open(port);
    probe.socket.write(request('/livez'));
    await until(() => probe.text.includes('HTTP/1.1 200'));
    expect(waiting.isClosed).toBe(false);
  });

  test('H33 of an anonymous reader have a small limit, which the refusal names', async () => {
    const { url } = await startGuarded({ publicRead: true });
    const body = JSON.stringify({ campaignId: CAMPAIGN, updates: { text: 'x'.repeat(API_LIMITS.unadmittedBytes) } });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/trpc/campaign.update`, { method: 'POST', headers, body });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { data: { reason: 'TOO_LARGE', limit: API_LIMITS.unadmittedBytes } },
    });
  });

  test('H33 of admitted callers are counted, and cut where all connections hold too much', async () => {
    const { url, port } = await startGuarded({ maxUnsentBytes: 2_000_000 });
    const authorization = `Authorization: Bearer ${await tokenFor({ [CAMPAIGN]: 'editor' })}\r\n`;
    const send = async (): Promise<Tcp> => {
      const tcp = await open(port);
      tcp.socket.write(post(authorization, 1_000_000));
      tcp.socket.write('x'.repeat(900_000));
      return tcp;
    };
    await send();
    await until(async () => (await metric(url, 'unfinished_bytes')) === 900_000);
    const all = await Promise.all(Array.from({ length: 5 }, send));
    await until(() => all.filter(({ isClosed }) => isClosed).length >= 3);
    await until(async () => (await metric(url, 'unfinished_bytes')) <= 2_000_000);
    expect(await metric(url, 'connections_cut_total{cause="unfinished"}')).toBeGreaterThanOrEqual(3);
  });

  test('H39 of one caller are cut where they hold too much together, and nobody else', async () => {
    const { url, port } = await startGuarded();
    const send = async (sub: string, path: string): Promise<Tcp> => {
      const token = await tokenFor({ [CAMPAIGN]: 'editor' }, { sub });
      const tcp = await open(port);
      tcp.socket.write(post(`Authorization: Bearer ${token}\r\n`, 1_000_000).replace('/trpc/campaign.update', path));
      tcp.socket.write('x'.repeat(900_000));
      return tcp;
    };
    const path = '/trpc/campaign.update';
    const grace = await send('grace', path);
    const most = Math.floor(API_LIMITS.unfinishedBytesOfCaller / 900_000);
    const all = await Promise.all(Array.from({ length: most }, () => send('ada', path)));
    await until(async () => (await metric(url, 'unfinished_bytes')) === (most + 1) * 900_000);
    expect(all.some(({ isClosed }) => isClosed)).toBe(false);
    all.push(await send('ada', `/campaigns/${CAMPAIGN}/ofrep/v1/evaluate/flags`));
    await until(() => all.some(({ isClosed }) => isClosed));
    await until(async () => (await metric(url, 'unfinished_bytes')) === (most + 1) * 900_000);
    expect(all.filter(({ isClosed }) => isClosed).length).toBe(1);
    expect(grace.isClosed).toBe(false);
    expect(await metric(url, 'connections_cut_total{cause="unfinished"}')).toBe(1);
  });

  test('H39 of a caller that holds all it may, further bodies are refused before they are read', async () => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    const { url, port } = await startGuarded({ logger });
    const begin = async (sub: string, bytes: number, path = '/trpc/campaign.update'): Promise<Tcp> => {
      const token = await tokenFor({ [CAMPAIGN]: 'editor' }, { sub });
      const tcp = await open(port);
      tcp.socket.write(post(`Authorization: Bearer ${token}\r\n`, 1_000_000).replace('/trpc/campaign.update', path));
      tcp.socket.write('x'.repeat(bytes));
      return tcp;
    };
    const most = API_LIMITS.unfinishedBytesOfCaller;
    const parts = Array.from({ length: Math.ceil(most / 900_000) }, (_, index) =>
      Math.min(900_000, most - index * 900_000),
    );
    const [first] = await Promise.all(parts.map((bytes) => begin('ada', bytes)));
    await until(async () => (await metric(url, 'unfinished_bytes')) === most);

    const refused = await begin('ada', 0);
    await until(() => refused.text.includes(`"limit":${most}`));
    expect(refused.text).toMatch(/^HTTP\/1\.1 429 [^]*"reason":"RATE_LIMITED"/);
    const flags = await begin('ada', 0, `/campaigns/${CAMPAIGN}/ofrep/v1/evaluate/flags`);
    await until(() => flags.text.startsWith('HTTP/1.1 429 '));
    const of = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(of.find(({ path }) => path === 'campaign.update')).toMatchObject({ actor: 'ada', reason: 'RATE_LIMITED' });

    const grace = httpClient(url, await tokenFor({ '*': 'editor' }, { sub: 'grace' }));
    await grace.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'By Grace' } });
    first?.socket.destroy();
    await until(async () => (await metric(url, 'unfinished_bytes')) < most);
    const ada = httpClient(url, await tokenFor({ '*': 'editor' }, { sub: 'ada' }));
    await ada.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'By Ada' } });
  });

  test('H39 so are those that hold the unfinished ws messages of one caller', async () => {
    const { url } = await startGuarded();
    const begin = async (sub: string): Promise<WebSocket> => {
      const raw = await rawSocket(url, {
        headers: { authorization: `Bearer ${await tokenFor({ [CAMPAIGN]: 'editor' }, { sub })}` },
      });
      raw.send({ id: 1, method: 'query', params: { path: 'system.info' } });
      await raw.answer(1);
      raw.socket.send('x'.repeat(900_000), { fin: false });
      return raw.socket;
    };
    const grace = await begin('grace');
    const all = await Promise.all(
      Array.from({ length: Math.ceil(API_LIMITS.unfinishedBytesOfCaller / 900_000) + 1 }, () => begin('ada')),
    );
    const isOpen = ({ readyState }: WebSocket): boolean => readyState === WebSocket.OPEN;
    await until(() => !all.every(isOpen));
    expect(isOpen(grace)).toBe(true);
  });

  test('H33 Expect: 100-continue is answered before the body is read', async () => {
    const { port } = await startServer();
    const body = JSON.stringify({ campaignId: CAMPAIGN, updates: { title: 'Continued' } });
    const tcp = await open(port);
    tcp.socket.write(post('Expect: 100-continue\r\n', body.length));
    await until(() => tcp.text.includes('HTTP/1.1 100 Continue'));
    tcp.socket.write(body);
    await until(() => tcp.text.includes('HTTP/1.1 200'));
  });

  test('H33 a request with Expect that is answered without its body closes the connection', async () => {
    const { port } = await startGuarded();
    for (const path of ['/livez', '/trpc/campaign.update', '/nowhere.js']) {
      const tcp = await open(port);
      tcp.socket.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n`,
      );
      await until(() => tcp.isClosed);
      expect(tcp.text).toMatch(/^HTTP\/1\.1 (200|401|405) [^]*\nConnection: close/i);
    }
  });
});

describe('H34 unfinished ws messages', () => {
  /** The beginning of a masked text frame of 1,000,000 bytes. */
  const HEADER = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, 0, 0, 0, 0]);

  /** The socket below a client's connection, to write what `ws` would not. */
  const below = (socket: WebSocket): Socket => Reflect.get(socket, '_socket') as Socket;

  async function begin(socket: WebSocket, bytes: number): Promise<void> {
    const link = below(socket);
    link.on('error', () => undefined);
    link.write(HEADER);
    for (let sent = 0; sent < bytes && !link.destroyed; sent += 10_000) {
      link.write(Buffer.alloc(10_000, 0x20));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  test.each(['', '?connectionParams=1'])(
    'H34 an unadmitted connection is cut beyond a small limit %j',
    async (query) => {
      const { url } = await startGuarded();
      const raw = await rawSocket(url, { query });
      await begin(raw.socket, 300_000);
      await until(() => raw.code !== undefined);
      expect(await metric(url, 'connections_cut_total{cause="not-admitted"}')).toBe(1);
    },
  );

  test('H34 so is an anonymous one, until it brings a token', async () => {
    const { url } = await startGuarded({ publicRead: true });
    const [anonymous, promoted] = [await rawSocket(url), await rawSocket(url)];
    await begin(anonymous.socket, 300_000);
    await until(() => anonymous.code !== undefined);
    const token = await tokenFor({ '*': 'editor' });
    promoted.send({ id: 1, method: 'mutation', params: { path: 'session.authenticate', input: { token } } });
    expect((await promoted.answer(1)).result?.type).toBe('data');
    const updates = { text: 'x'.repeat(100_000) };
    promoted.send({
      id: 2,
      method: 'mutation',
      params: { path: 'campaign.update', input: { campaignId: CAMPAIGN, updates } },
    });
    expect((await promoted.answer(2)).result?.type).toBe('data');
  });

  test('H34 an admitted connection may take its time, is counted, and what it has finished is not', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    await begin(raw.socket, 500_000);
    await until(async () => (await metric(url, 'unfinished_bytes')) >= 500_000);
    expect(await metric(url, 'unfinished_bytes')).toBeLessThan(520_000);
    below(raw.socket).write(Buffer.alloc(500_000, 0x20));
    // Spaces are no message: it is answered as one that cannot be parsed.
    await raw.answer(null);
    await until(async () => (await metric(url, 'unfinished_bytes')) < 70_000);
    for (let id = 1; id <= 200; id += 1) {
      raw.send({ id, method: 'query', params: { path: 'system.info' } });
      if (id % 20 === 0) raw.socket.ping();
    }
    await raw.answer(200);
    await until(async () => (await metric(url, 'unfinished_bytes')) < 20_000);
  });

  test('H34 a large message right behind the connection params is not cut: it waits for the admission', async () => {
    const { url } = await startGuarded();
    const client = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
    const receipt = await client.campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: { text: 'x'.repeat(200_000) },
    });
    expect(receipt).toMatchObject({ version: 2 });
  });

  test('H34 a message of very many fragments ends its connection', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    const fragment = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x61]);
    below(raw.socket).write(
      Buffer.concat([Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x61]), ...Array(5_000).fill(fragment)]),
    );
    await until(() => raw.code !== undefined);
    expect(raw.code).toBe(1008);
  });

  test('H5 a connection that is not admitted in time is gone even if it does not answer the closing handshake', async () => {
    const { url, port } = await startGuarded({ admissionMs: 100 });
    const tcp = await open(port);
    tcp.socket.write(
      'GET /trpc HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await until(() => tcp.text.includes('101 Switching'));
    await until(() => tcp.isClosed);
    expect(await metric(url, 'tcp_connections')).toBe(1);
  });
});

describe('H35 connections of all kinds are bounded', () => {
  test('H35 idle ones are closed for new ones, the oldest first, and probes are answered all the same', async () => {
    const { url, port } = await startServer({ maxConnections: 1 });
    const idle: Tcp[] = [];
    for (let index = 0; index < 80; index += 1) idle.push(await open(port));
    await until(() => idle.filter(({ isClosed }) => isClosed).length >= 15);
    expect(idle[0]?.isClosed).toBe(true);
    expect(idle.at(-1)?.isClosed).toBe(false);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await metric(url, 'connections_cut_total{cause="idle"}')).toBeGreaterThanOrEqual(15);
    expect(await metric(url, 'tcp_connections')).toBeLessThanOrEqual(65);
    // A client finds room, too.
    const raw = await rawSocket(url);
    raw.send({ id: 1, method: 'query', params: { path: 'system.info' } });
    expect((await raw.answer(1)).result?.type).toBe('data');
  });

  test('H35 ones with a request under way are not: a new one is closed then', async () => {
    const { url, port } = await startServer({ maxConnections: 1 });
    const busy: Tcp[] = [];
    for (let index = 0; index < 65; index += 1) {
      const tcp = await open(port);
      tcp.socket.write(
        'POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
      );
      busy.push(tcp);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const refused = await open(port);
    await until(() => refused.isClosed);
    expect(busy.some(({ isClosed }) => isClosed)).toBe(false);
    for (const { socket } of busy) socket.destroy();
    await until(() =>
      fetch(`${url}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    expect(await metric(url, 'connections_cut_total{cause="full"}')).toBeGreaterThan(0);
  });
});
