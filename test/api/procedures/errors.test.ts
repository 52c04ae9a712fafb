import { Writable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createMemoryArchive, createLogger } from '../../../server/index.ts';
import type { Archive } from '../../../server/index.ts';
import { httpClient, rawSocket, refusal, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startServer } from '../support/server.ts';

afterEach(() => vi.unstubAllEnvs());

/** An archive whose answer breaks the engine, with words that nobody outside may read. */
function breakingArchive(): Archive {
  const row = {
    get campaignId(): string {
      throw new TypeError('password of the database: hunter2');
    },
    title: 'T',
    status: undefined,
    version: 1,
    updatedAt: 0,
    updatedBy: 'ada',
  };
  return { ...createMemoryArchive(), list: async () => [row] };
}

function collect(): { lines: string[]; stream: Writable } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(...chunk.toString().trim().split('\n'));
      done();
    },
  });
  return { lines, stream };
}

describe.each(['development', 'production', 'test'])('P3 with NODE_ENV=%s', (mode) => {
  test('the details of an internal error are in the log alone', async () => {
    vi.stubEnv('NODE_ENV', mode);
    const { lines, stream } = collect();
    const { url } = await startServer({ archive: breakingArchive(), logger: createLogger('info', stream) });
    for (const client of [wsClient(url), httpClient(url)]) {
      const error = await refusal(client.campaign.list.query());
      expect(error).toMatchObject({
        code: 'INTERNAL_SERVER_ERROR',
        httpStatus: 500,
        retryable: false,
        message: expect.stringContaining('Internal error'),
      });
      expect(error).not.toHaveProperty('reason');
      expect(JSON.stringify(error)).not.toMatch(/hunter2|stack/);
      const { correlationId } = error;
      expect(error.message).toContain(correlationId);
      const line = lines.find((text) => correlationId !== undefined && text.includes(correlationId));
      expect(JSON.parse(line ?? '{}')).toMatchObject({
        level: 50,
        path: 'campaign.list',
        actor: 'dev',
        err: { message: expect.stringContaining('hunter2') },
      });
    }
  });

  test('no error has a stack', async () => {
    vi.stubEnv('NODE_ENV', mode);
    const { url } = await startServer();
    const raw = await rawSocket(url);
    const input = { campaignId: CAMPAIGN };
    raw.send({ id: 1, method: 'query', params: { path: 'no.such', input } });
    raw.send({ id: 2, method: 'mutation', params: { path: 'campaign.get', input } });
    raw.send({ id: 3, method: 'query', params: { path: 'campaign.get', input: { campaignId: 'nowhere' } } });
    raw.send({ id: 4, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: 'nowhere' } } });
    raw.send({ id: null, method: 'query', params: { path: 'campaign.get', input } });
    for (const id of [1, 2, 3, 4, null]) {
      const { error } = await raw.answer(id, (message) => message.error !== undefined);
      expect(error?.data).toMatchObject({ code: expect.any(String), reason: expect.any(String), retryable: false });
      expect(JSON.stringify(error)).not.toMatch(/stack|\.ts:\d/);
    }
    for (const [path, init] of [
      ['campaign.get?input=%7B', {}],
      ['campaign.get?input={"campaignId":"nowhere"}', {}],
      ['campaign.update', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"campaignId":' }],
      ['campaign.update', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }],
      ['campaign.update', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{}' }],
      ['no.such', {}],
      ['', {}],
    ] as const) {
      const response = await fetch(`${url}/trpc/${path}`, init);
      const text = await response.text();
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(JSON.parse(text)).toMatchObject({ error: { data: { reason: expect.any(String), retryable: false } } });
      expect(text).not.toMatch(/stack|\.ts:\d/);
    }
    const sse = await fetch(`${url}/trpc/campaign.watch?input={"campaignId":"nowhere"}`, {
      headers: { accept: 'text/event-stream' },
    });
    const text = await sse.text();
    expect(text).toContain('serialized-error');
    expect(text).toContain('"reason":"NOT_FOUND"');
    expect(text).not.toMatch(/stack|\.ts:\d/);
  });
});

test('H11 a log line has campaign, actor, correlation id and duration, and no payload', async () => {
  const { lines, stream } = collect();
  const { url } = await startServer({ logger: createLogger('debug', stream) });
  const client = httpClient(url, undefined, { 'x-correlation-id': 'order-7' });
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'a secret title' } });
  await refusal(
    client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 5, description: 'a secret text' } }),
  );
  const calls = lines
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter(({ correlationId }) => correlationId === 'order-7');
  expect(calls).toMatchObject([
    { level: 20, path: 'campaign.update', campaignId: CAMPAIGN, actor: 'dev', durationMs: expect.any(Number) },
    { level: 30, path: 'campaign.update', campaignId: CAMPAIGN, actor: 'dev', reason: 'INVALID' },
  ]);
  expect(lines.join('\n')).not.toContain('a secret');
});
