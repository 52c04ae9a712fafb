import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { BACKPRESSURE_HIGH_WATER_BYTES } from '../../../server/engine/streams/backpressure.ts';
import { API_LIMITS } from '../../../server/api/limits.ts';
import { createLogger, createMemoryArchive } from '../../../server/index.ts';
import { rawSocket, wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startServer, until } from '../support/server.ts';
import { metric } from '../../support/metric.ts';

const large = [{ campaignId: CAMPAIGN, state: { slug: CAMPAIGN, title: 'Large', text: 'x'.repeat(200_000) } }];

/** A ws connection that watches, and reads nothing more. */
async function watchWithoutReading(url: string): Promise<Awaited<ReturnType<typeof rawSocket>>> {
  const raw = await rawSocket(url);
  raw.send({ id: 1, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
  await raw.answer(1);
  raw.socket.pause();
  return raw;
}

test('H12 the unsent bytes of all connections are bounded: those that hold the most are cut, others go on', async () => {
  const lines: string[] = [];
  const logger = createLogger('warn', { write: (line) => lines.push(line) });
  const maxUnsentBytes = 3 * BACKPRESSURE_HIGH_WATER_BYTES;
  const { url } = await startServer({ campaigns: large, maxUnsentBytes, logger });
  const other = wsClient(url);
  const modest = await rawSocket(url);
  modest.socket.pause();
  modest.send({ id: 1, method: 'query', params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } } });
  const greedy = await Promise.all(Array.from({ length: 8 }, () => watchWithoutReading(url)));
  // However much the system takes of each, in the end the server holds as much as a reader may have waiting.
  for (let change = 0; !lines.some((line) => line.includes('were cut')); change += 1)
    await other.campaign.update.mutate({
      campaignId: CAMPAIGN,
      updates: { text: String(change % 10).repeat(200_000) },
    });
  expect(await metric(url, 'connections_cut_total{cause="unsent"}')).toBeGreaterThan(0);
  await until(async () => (await metric(url, 'unsent_bytes')) <= maxUnsentBytes);
  await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Still served' } });
  modest.socket.resume();
  expect((await modest.answer(1)).result?.type).toBe('data');
  // Whoever reads again finds itself cut, or goes on.
  for (const { socket } of greedy) socket.resume();
  await until(() => greedy.some(({ code }) => code !== undefined));
  expect(modest.code).toBeUndefined();
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
