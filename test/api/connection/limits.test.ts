import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { API_LIMITS } from '../../../server/api/limits.ts';
import { createMemoryArchive } from '../../../server/index.ts';
import { batchingClient, openRaw, rawSocket, refusal, refusedUpgrade, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, until } from '../support/server.ts';
import { metric } from '../../support/metric.ts';

const get = (id: number | null) => ({
  id,
  method: 'query',
  params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } },
});

describe('H3 limits of one client', () => {
  test('H3 bytes of an http body', async () => {
    const { url } = await startServer();
    const body = JSON.stringify({ campaignId: CAMPAIGN, updates: { text: 'x'.repeat(API_LIMITS.messageBytes) } });
    const response = await fetch(`${url}/trpc/campaign.update`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { data: { code: 'PAYLOAD_TOO_LARGE', reason: 'TOO_LARGE' } },
    });
  });

  test('H3 bytes of a ws frame: the connection is closed with 1009, others stay open', async () => {
    const { url } = await startServer();
    const [big, other] = [await rawSocket(url), await rawSocket(url)];
    big.socket.send('x'.repeat(API_LIMITS.messageBytes + 1));
    await until(() => big.code !== undefined);
    expect(big.code).toBe(1009);
    other.send(get(1));
    expect((await other.answer(1)).result?.type).toBe('data');
  });

  test('H3 calls in one http batch', async () => {
    const { url } = await startServer();
    const { campaign } = batchingClient(url);
    const calls = Array.from({ length: API_LIMITS.batchCalls + 1 }, () => campaign.get.query({ campaignId: CAMPAIGN }));
    const errors = await Promise.all(calls.map((call) => refusal(call)));
    expect(errors[0]).toMatchObject({
      reason: 'TOO_LARGE',
      limit: API_LIMITS.batchCalls,
      message: expect.stringContaining('100'),
    });
    await Promise.all(
      Array.from({ length: API_LIMITS.batchCalls }, () => campaign.get.query({ campaignId: CAMPAIGN })),
    );
  });

  test('H3 messages in one frame', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    raw.send(Array.from({ length: API_LIMITS.frameMessages + 1 }, (_, index) => get(index)));
    const { error } = await raw.answer(null);
    expect(error?.data).toMatchObject({ reason: 'TOO_LARGE', limit: API_LIMITS.frameMessages });
    raw.send(get(5_000));
    expect((await raw.answer(5_000)).result?.type).toBe('data');
  });

  test('H3 pending calls of one connection', async () => {
    const archive = createMemoryArchive();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const { url } = await startServer({
      archive: { ...archive, commit: async (parts) => opened.then(() => archive.commit(parts)) },
    });
    const raw = await rawSocket(url);
    const durable = (id: number) => {
      const input = { campaignId: CAMPAIGN, updates: { description: `${id}` }, durability: 'durable' };
      return { id, method: 'mutation', params: { path: 'campaign.update', input } };
    };
    raw.send(Array.from({ length: API_LIMITS.pendingCalls }, (_, index) => durable(index)));
    raw.send(get(9_000));
    const refused = await raw.answer(9_000);
    expect(refused.error?.data).toMatchObject({
      reason: 'RATE_LIMITED',
      retryable: true,
      limit: API_LIMITS.pendingCalls,
    });
    open();
    await Promise.all(Array.from({ length: API_LIMITS.pendingCalls }, (_, index) => raw.answer(index)));
    raw.send(get(9_001));
    expect((await raw.answer(9_001)).result?.type).toBe('data');
  });

  test('H3 open subscriptions of one connection', async () => {
    const { url, service } = await startServer();
    const raw = await rawSocket(url);
    const watch = (id: number) => ({
      id,
      method: 'subscription',
      params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } },
    });
    for (let id = 1; id <= API_LIMITS.subscriptions; id += 1) raw.send(watch(id));
    await raw.answer(API_LIMITS.subscriptions, ({ result }) => result?.type === 'data');
    raw.send(watch(1_000));
    const { error } = await raw.answer(1_000, (message) => message.error !== undefined);
    expect(error?.data).toMatchObject({ reason: 'RATE_LIMITED', limit: API_LIMITS.subscriptions });
    expect(service.stats().subscribers).toBe(API_LIMITS.subscriptions);
    raw.send({ id: 1, method: 'subscription.stop' });
    await raw.answer(1, ({ result }) => result?.type === 'stopped');
    raw.send(watch(1_001));
    await raw.answer(1_001, ({ result }) => result?.type === 'data');
  });

  test('H3 open connections, ws and SSE counted together', async () => {
    const { url } = await startServer({ maxConnections: 2 });
    const raw = await rawSocket(url);
    const stream = await fetch(`${url}/trpc/campaign.watch`);
    const reader = stream.body?.getReader();
    await reader?.read();
    expect(await refusedUpgrade(url, {})).toMatchObject({
      status: 503,
      message: expect.stringContaining('2 connections'),
    });
    const refused = await (await fetch(`${url}/trpc/campaign.watch`)).text();
    expect(refused).toMatch(/serialized-error[^]*OVERLOADED/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    raw.socket.close();
    await reader?.cancel();
    const isFree = async (): Promise<boolean> => {
      const next = await openRaw(url).catch(() => undefined);
      next?.socket.terminate();
      return next !== undefined;
    };
    await until(isFree);
  });
});

describe('H4 malformed input', () => {
  const typed: [string, (raw: Awaited<ReturnType<typeof rawSocket>>) => void][] = [
    ['broken JSON', ({ socket }) => socket.send('{"id":1,')],
    ['a binary frame', ({ socket }) => socket.send(Buffer.from([1, 2, 3]))],
    ['null', ({ socket }) => socket.send('null')],
    ['a number', ({ socket }) => socket.send('7')],
    ['an empty frame', ({ socket }) => socket.send('')],
    ['no method', (raw) => raw.send({ id: 1 })],
    ['an unknown method', (raw) => raw.send({ id: 1, method: 'steal', params: {} })],
    ['no params', (raw) => raw.send({ id: 1, method: 'query' })],
    ['a strange id', (raw) => raw.send({ id: {}, method: 'query', params: { path: 'campaign.get' } })],
    ['no id', (raw) => raw.send(get(null))],
  ];

  test.each(typed)('H4 %s: a typed error, and all connections stay open', async (_name, send) => {
    const { url } = await startServer();
    const [raw, other] = [await rawSocket(url), await rawSocket(url)];
    send(raw);
    const { error } = await raw.answer(null);
    expect(error?.data).toMatchObject({ code: 'PARSE_ERROR', reason: 'INVALID', retryable: false });
    for (const socket of [raw, other]) {
      socket.send(get(9));
      expect((await socket.answer(9)).result?.type).toBe('data');
    }
  });

  test('H4 invalid UTF-8 closes the connection with 1007, an invalid frame with 1002; others stay open', async () => {
    const { url } = await startServer();
    const other = await rawSocket(url);
    for (const [bytes, code] of [
      [[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], 1007],
      [[0xf1, 0x80, 0, 0, 0, 0], 1002],
    ] as const) {
      const raw = await rawSocket(url);
      // Under the surface: `ws` itself would not send this.
      Reflect.get(raw.socket, '_socket').write(Buffer.from(bytes));
      await until(() => raw.code !== undefined);
      expect(raw.code).toBe(code);
    }
    other.send(get(1));
    expect((await other.answer(1)).result?.type).toBe('data');
  });

  test('H4 invalid connection params: an error, then the connection is closed', async () => {
    const { url } = await startServer();
    for (const params of ['nonsense', '[]', '{"data":{"token":5}}', '7']) {
      const raw = await rawSocket(url, { query: '?connectionParams=1' });
      raw.socket.send(params);
      const { error } = await raw.answer(null);
      expect(error?.data).toMatchObject({ reason: 'INVALID' });
      await until(() => raw.code !== undefined);
    }
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  test('H4 invalid URLs and invalid http', async () => {
    const { url, port } = await startServer();
    for (const text of [
      'GET //\\%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'nonsense\r\n\r\n',
      'GET /trpc/%E0%A4%A HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    ]) {
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text));
        let seen = '';
        socket.on('data', (chunk) => (seen += chunk.toString()));
        socket.on('close', () => resolve(seen));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
      expect(answer).not.toMatch(/\.ts:\d|stack/);
    }
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });
});

describe('H5 connections that are not admitted', () => {
  test('H5 are closed after the admission timeout, whether silent, refused or without connection params', async () => {
    const { url } = await startGuarded({ admissionMs: 200 });
    const silent = await rawSocket(url, { query: '?connectionParams=1' });
    const refused = await rawSocket(url);
    for (const raw of [silent, refused]) {
      await until(() => raw.code !== undefined);
      expect([raw.code, raw.reason]).toEqual([4401, 'not admitted in time']);
    }
  });

  test('H5 an admitted connection is not closed', async () => {
    const { url } = await startServer({ admissionMs: 1_000 });
    const raw = await rawSocket(url);
    raw.send(get(1));
    await raw.answer(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(raw.code).toBeUndefined();
  });
});

test('H10 the calls of a client that does not read its answers wait, so that little is held for it, and go on when it reads', async () => {
  const { url } = await startServer({
    callLimit: 0,
    campaigns: [{ campaignId: CAMPAIGN, state: { slug: CAMPAIGN, title: 'Large', text: 'x'.repeat(200_000) } }],
  });
  const raw = await rawSocket(url);
  raw.socket.pause();
  for (let id = 1; id <= 600; id += 1) raw.send(get(id));
  const other = wsClient(url);
  const unsent = (): Promise<number> => metric(url, 'unsent_bytes');
  // What the kernel does not take is held, and all of it is 120 MB.
  await until(async () => (await unsent()) > 1024 * 1024);
  for (let ask = 0; ask < 100; ask += 1) await other.campaign.get.query({ campaignId: CAMPAIGN });
  expect(await unsent()).toBeLessThan(4 * 1024 * 1024);
  raw.socket.resume();
  await raw.answer(600);
  expect(raw.code).toBeUndefined();
});
