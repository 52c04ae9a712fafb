import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { API_LIMITS } from '../../../server/api/limits.ts';
import { createLogger, createMemoryArchive } from '../../../server/index.ts';
import { rawSocket, wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startServer, until } from '../support/server.ts';

const large = [{ campaignId: CAMPAIGN, state: { slug: CAMPAIGN, title: 'Large', text: 'x'.repeat(200_000) } }];

/** A batch of that many reads of the campaign, as a path. */
function batchPath(calls: number): string {
  const input = Object.fromEntries(Array.from({ length: calls }, (_, index) => [index, { campaignId: CAMPAIGN }]));
  return `/trpc/${Array(calls).fill('campaign.get').join(',')}?batch=1&input=${encodeURIComponent(JSON.stringify(input))}`;
}

/** Sends an http request, and does not read the response. */
async function requestWithoutReading(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  cleanUp(() => socket.destroy());
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  return socket;
}

/** The number of bytes that arrive until the server closes the connection. */
async function readToTheEnd(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  return bytes;
}

test('H12 the unsent bytes of all connections are bounded: those that hold the most are cut, others go on', async () => {
  const lines: string[] = [];
  const logger = createLogger('warn', { write: (line) => lines.push(line) });
  const { url, port } = await startServer({ campaigns: large, maxUnsentBytes: 30_000_000, logger });
  const other = wsClient(url);
  await other.campaign.get.query({ campaignId: CAMPAIGN });
  const modest = await rawSocket(url);
  modest.socket.pause();
  modest.send({ id: 1, method: 'query', params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } } });
  // 20 MB each, of which the kernel buffers a few.
  const greedy = await Promise.all(Array.from({ length: 8 }, () => requestWithoutReading(port, batchPath(100))));
  await until(() => lines.some((line) => line.includes('were cut')));
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(Number(/^campaign_state_connections_cut_total\{cause="unsent"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(
    0,
  );
  expect(Number(/^campaign_state_unsent_bytes (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
  await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Still served' } });
  modest.socket.resume();
  expect((await modest.answer(1)).result?.type).toBe('data');
  // A client that reads again gets the beginning of its response only.
  const read = await Promise.all(greedy.map(readToTheEnd));
  expect(read.filter((bytes) => bytes < 20_000_000).length).toBeGreaterThan(4);
});

test('H13 a batch of many thousands of calls is refused as one', async () => {
  const { url } = await startServer();
  const response = await fetch(`${url}/trpc/${','.repeat(15_000)}?batch=1`);
  expect(response.status).toBe(400);
  expect((await response.text()).length).toBeLessThan(1_000);
});

describe('H14 request ids of any kind come back as they are', () => {
  test.each([1.5, -1, '', '__proto__', 'a"b\\c', '\ud800', '\u2028é', '0'.repeat(API_LIMITS.requestId)])(
    'H14 %j',
    async (id) => {
      const { url } = await startServer();
      const raw = await rawSocket(url);
      const answers = (type: string) =>
        raw.messages.filter((message) => JSON.stringify(message).includes(`"type":"${type}"`));
      raw.send({ id, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
      await until(() => answers('snapshot').length === 1);
      await wsClient(url).campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'On' } });
      await until(() => answers('entries').length === 1);
      raw.send({ id, method: 'subscription.stop' });
      await until(() => answers('stopped').length === 1);
      for (const message of raw.messages) expect(message).toMatchObject({ id });
    },
  );

  test('H14 a longer one is refused, because every event would repeat it', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    raw.send({ id: 'x'.repeat(API_LIMITS.requestId + 1), method: 'query', params: { path: 'system.info' } });
    const { error } = await raw.answer(null);
    expect(error?.data).toMatchObject({ reason: 'TOO_LARGE', limit: API_LIMITS.requestId });
  });
});

test('H15 the pending calls of a closed ws connection are not processed further', async () => {
  const archive = createMemoryArchive();
  const waiting: (() => void)[] = [];
  let reads = 0;
  const { url } = await startServer({
    archive: {
      ...archive,
      async stateAt(...asked) {
        reads += 1;
        await new Promise<void>((resolve) => waiting.push(resolve));
        return archive.stateAt(...asked);
      },
    },
  });
  const other = wsClient(url);
  await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Two' }, durability: 'durable' });
  const raw = await rawSocket(url);
  for (let id = 1; id <= 100; id += 1)
    raw.send({ id, method: 'query', params: { path: 'campaign.at', input: { campaignId: CAMPAIGN, version: 1 } } });
  await until(() => reads === 4);
  raw.socket.terminate();
  await until(async () =>
    (await (await fetch(`${url}/metrics`)).text()).includes('campaign_state_connections{transport="ws"} 1\n'),
  );
  const at = other.campaign.at.query({ campaignId: CAMPAIGN, version: 1 });
  await until(() => {
    for (const resume of waiting.splice(0)) resume();
    return reads === 5;
  });
  for (const resume of waiting.splice(0)) resume();
  expect(await at).toMatchObject({ version: 1 });
  expect(reads).toBe(5);
});

test('H16 a client that offers h2c with its request is served over http/1.1', async () => {
  const { port } = await startServer();
  const socket = connect(port, '127.0.0.1');
  cleanUp(() => socket.destroy());
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.write(
    'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  );
  await until(() => answer.includes('"ok"'));
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});
