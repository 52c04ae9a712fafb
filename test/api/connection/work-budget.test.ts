import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createClientAddress, PRIVATE_NETWORKS } from '../../../server/api/connection/client-address.ts';
import { createWorkBudget } from '../../../server/api/connection/work-budget.ts';
import { createLogger } from '../../../server/index.ts';
import { API_LIMITS } from '../../../server/api/limits.ts';
import { CLOSE_CODES } from '../../../server/core/close-codes.ts';
import { batchingClient, errorDataOf, httpClient, rawSocket, refusal, wsClient } from '../support/clients.ts';
import type { Raw } from '../support/clients.ts';
import { answers, get, gets, large } from '../support/large-campaign.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

describe('P20 a budget', () => {
  test('P20 allows two seconds of work ahead, then as much as is paid back', () => {
    let now = 0;
    const budget = createWorkBudget(100, () => now);
    budget.charge('ada', 200);
    expect(budget.waitMs('ada')).toBe(0);
    budget.charge('ada', 50);
    expect(budget.waitMs('ada')).toBe(500);
    expect(budget.waitMs('grace')).toBe(0);
    now = 500;
    expect(budget.waitMs('ada')).toBe(0);
    budget.charge('ada', 1);
    expect(budget.waitMs('ada')).toBe(10);
  });

  test('P20 forgets keys that have paid, and keeps the others', () => {
    let now = 0;
    const budget = createWorkBudget(100, () => now);
    budget.charge('ada', 100_000);
    for (let key = 0; key < 10_000; key += 1) {
      now += 5;
      budget.charge(`${key}`, 1);
    }
    expect(budget.waitMs('ada')).toBe(60_000 - now);
  });

  test('P20 nobody owes more than a minute, however much is charged', () => {
    let now = 0;
    const budget = createWorkBudget(100, () => now);
    for (let charge = 0; charge < 10; charge += 1) budget.charge('ada', 1_000_000);
    expect(budget.waitMs('ada')).toBe(60_000);
    now = 60_000;
    expect(budget.waitMs('ada')).toBe(0);
  });

  test('P20 without a rate has no limit', () => {
    const budget = createWorkBudget(0, () => 0);
    budget.charge('ada', 1_000_000);
    expect(budget.waitMs('ada')).toBe(0);
  });
});

describe('P20 the address of a client', () => {
  const addressOf = createClientAddress(PRIVATE_NETWORKS);
  const from = (remoteAddress: string, forwarded?: string): string =>
    addressOf({
      socket: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      // As much of a request as is read.
    } as unknown as IncomingMessage);

  test('P20 is the peer, or the last hop that is no trusted proxy', () => {
    expect(from('203.0.113.7')).toBe('203.0.113.7');
    expect(from('::ffff:203.0.113.7')).toBe('203.0.113.7');
    expect(from('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7');
    expect(from('10.0.0.5', '198.51.100.1, 203.0.113.7')).toBe('203.0.113.7');
    expect(from('10.0.0.5', '198.51.100.1, 203.0.113.7, 10.0.0.9')).toBe('203.0.113.7');
    expect(from('10.0.0.5', 'nonsense')).toBe('10.0.0.5');
    expect(from('10.0.0.5')).toBe('10.0.0.5');
  });

  test('P20 is the /64 of an IPv6 address', () => {
    expect(from('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(from('2001:db8::6')).toBe(from('2001:db8::7'));
  });
});

describe('P20 work over the budget', () => {
  test('P20 waits on a ws connection, is paid by the bytes of answers, and delays no other caller', async () => {
    const { url } = await startGuarded({ callLimit: 500, campaigns: large });
    const raw = await rawSocket(url, { headers: { authorization: `Bearer ${await tokenFor({ '*': 'viewer' })}` } });
    const startedAt = performance.now();
    raw.send(gets(100));
    // 49 points each: 1,000 points ahead are some 20 answers, then ten a second.
    await until(() => answers(raw) >= 15);
    const other = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'grace' }) });
    await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    const paidBack = ((performance.now() - startedAt) / 1_000) * 10;
    expect(answers(raw)).toBeLessThan(40 + paidBack);
    await raw.answer(30);
  });

  test('P20 counts for the caller over all of its connections', async () => {
    const { url } = await startGuarded({ callLimit: 100, campaigns: large });
    const headers = { authorization: `Bearer ${await tokenFor({ '*': 'viewer' })}` };
    const sockets = await Promise.all(Array.from({ length: 8 }, () => rawSocket(url, { headers })));
    for (const raw of sockets) raw.send(gets(20));
    // Eight connections alone have 1,600 points ahead and 800 a second; the caller has half of each.
    await until(() => sockets.reduce((sum, raw) => sum + answers(raw), 0) >= 12);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sockets.reduce((sum, raw) => sum + answers(raw), 0)).toBeLessThan(60);
  });

  test('P20 is RATE_LIMITED over http, with the time to wait', async () => {
    const { url } = await startGuarded({ callLimit: 10, campaigns: large });
    const client = httpClient(url, await tokenFor({ '*': 'viewer' }));
    let error: Awaited<ReturnType<typeof refusal>> | undefined;
    await until(async () => {
      const outcome = client.campaign.get.query({ campaignId: CAMPAIGN });
      error = await outcome.then(
        () => undefined,
        () => refusal(outcome),
      );
      return error !== undefined;
    });
    expect(error).toMatchObject({ code: 'TOO_MANY_REQUESTS', reason: 'RATE_LIMITED', retryable: true });
    expect(error?.retryAfterMs).toBeGreaterThan(0);
    const other = httpClient(url, await tokenFor({ '*': 'viewer' }, { sub: 'grace' }));
    await other.campaign.get.query({ campaignId: CAMPAIGN });
  });

  test('H41 calls over http whose client has gone wait for no turn any more', async () => {
    const lines: string[] = [];
    const logger = createLogger('debug', { write: (line) => lines.push(line) });
    const { port } = await startGuarded({ callLimit: 0, campaigns: large, logger });
    const paths = Array.from({ length: 100 }, () => 'campaign.history').join(',');
    const input = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [index, { campaignId: CAMPAIGN }]));
    const head = `GET /trpc/${paths}?batch=1&input=${encodeURIComponent(JSON.stringify(input))} HTTP/1.1\r\nHost: localhost\r\n`;
    // Whether it goes before the first of its calls is begun, or between two, is a matter of a few turns.
    const seen = new Set<string>();
    for (let turns = 0; seen.size < 2; turns = (turns + 1) % 30) {
      lines.length = 0;
      // Of a caller of its own: repeated refusals of one are no lines.
      const token = await tokenFor({ '*': 'viewer' }, { sub: `caller ${performance.now()}` });
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      const request = `${head}Authorization: Bearer ${token}\r\n\r\n`;
      await new Promise<void>((resolve) => socket.write(request, () => resolve()));
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      socket.resetAndDestroy();
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (!lines.some((line) => line.includes('before its call was begun'))) continue;
      seen.add(lines.some((line) => line.includes('call answered')) ? 'between two' : 'before the first');
    }
  });

  test('P20 is paid by the address where there is no valid token', async () => {
    const { url } = await startGuarded({ callLimit: 20 });
    const statusFor = async (address: string): Promise<number> => {
      const response = await fetch(`${url}/trpc/system.info`, { headers: { 'x-forwarded-for': address } });
      return response.status;
    };
    let asked = 0;
    await until(async () => {
      asked += 1;
      return (await statusFor('203.0.113.7')) === 429;
    });
    expect(asked).toBeGreaterThan(5);
    expect(await statusFor('203.0.113.8')).toBe(401);
    const token = await tokenFor({ '*': 'viewer' });
    await httpClient(url, token, { 'x-forwarded-for': '203.0.113.7' }).campaign.get.query({ campaignId: CAMPAIGN });
  });

  test.each([
    { method: 'GET', path: 'system.info', query: '' },
    { method: 'GET', path: 'campaign.get,system.info', query: '?batch=1' },
    { method: 'POST', path: 'campaign.update', query: '' },
    { method: 'POST', path: 'campaign.update,campaign.push', query: '?batch=1' },
  ])('P20 whoever owes and has no token is refused before tRPC, in its words: $method $path', async (row) => {
    const lines: string[] = [];
    const logger = createLogger('info', { write: (line) => lines.push(line) });
    const { url } = await startGuarded({ callLimit: 20, logger });
    const ask = async (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/trpc/${row.path}${row.query}`, {
        method: row.method,
        headers: { 'content-type': 'application/json', origin: url, ...headers },
        ...(row.method === 'POST' && { body: '{}' }),
      });
    await until(async () => (await ask({})).status === 429);
    // A token has to be looked at, which tRPC is asked for.
    const [early, byTrpc] = [await ask({}), await ask({ authorization: 'Bearer no-token' })];
    const bodyOf = async (response: Response): Promise<string> =>
      (await response.text())
        .replaceAll(/"correlationId":"[^"]+"/g, '"correlationId":"…"')
        .replaceAll(/"retryAfterMs":\d+/g, '"retryAfterMs":0');
    const headersOf = ({ headers }: Response) =>
      ['content-type', 'access-control-allow-origin', 'access-control-expose-headers'].map((name) =>
        headers.get(name)?.toLowerCase(),
      );
    expect(headersOf(early)).toEqual(headersOf(byTrpc));
    expect(early.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect([early.status, await bodyOf(early)]).toEqual([byTrpc.status, await bodyOf(byTrpc)]);
    expect(lines.filter((line) => line.includes('Too many calls'))).toHaveLength(1);
  });

  test('P20 it is refused before its body has come', async () => {
    const { url, port } = await startGuarded({ callLimit: 20 });
    await until(async () => (await fetch(`${url}/trpc/system.info`)).status === 429);
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    let answer = '';
    socket.on('data', (text: string) => (answer += text));
    socket.write('POST /trpc/campaign.update HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n');
    await until(() => answer.includes('Too many calls'));
    socket.destroy();
  });

  test('P20 ws connections of an address that owes have to wait, and of no other', async () => {
    const { url } = await startGuarded({ callLimit: 20 });
    const open = (address: string): Promise<Raw> => rawSocket(url, { headers: { 'x-forwarded-for': address } });
    const owing = await open('203.0.113.7');
    for (let id = 1; id <= 60; id += 1) owing.send(get(id));
    await owing.answer(10);
    const opened: string[] = [];
    await Promise.all(
      ['203.0.113.7', '203.0.113.8'].map(async (address) => {
        await open(address);
        opened.push(address);
      }),
    );
    expect(opened).toEqual(['203.0.113.8', '203.0.113.7']);
  });

  test('P20 an upgrade that has waited is judged as it stands then', async () => {
    const server = await startGuarded({ callLimit: 20 });
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    const owing = await rawSocket(server.url, { headers });
    for (let id = 1; id <= 60; id += 1) owing.send(get(id));
    await owing.answer(10);
    const outcomes = [
      rawSocket(server.url, { headers }).catch(({ message }: Error) => message),
      new Promise((resolve) => setTimeout(resolve, 50)).then(() => server.close()),
    ];
    expect((await Promise.all(outcomes))[0]).toMatch(/503|ECONNRESET|hang up/);
  });

  test('P20 is not paid for mutations that are accepted', async () => {
    const { url } = await startGuarded({ callLimit: 1 });
    const headers = { authorization: `Bearer ${await tokenFor({ '*': 'editor' })}` };
    const raw = await rawSocket(url, { headers });
    for (let id = 1; id <= 300; id += 1) {
      const input = { campaignId: CAMPAIGN, updates: { title: `T${id}` } };
      raw.send({ id, method: 'mutation', params: { path: 'campaign.update', input } });
    }
    expect((await raw.answer(300)).result).toMatchObject({ data: { version: 301 } });
  });
});

describe('P20 what callers send', () => {
  test('P20 is paid by its bytes, whatever becomes of it', async () => {
    const { url } = await startGuarded({ callLimit: 100 });
    const raw = await rawSocket(url, { headers: { authorization: `Bearer ${await tokenFor({ '*': 'viewer' })}` } });
    const updates = { text: 'x'.repeat(100_000) };
    for (let id = 1; id <= 10; id += 1)
      raw.send({
        id,
        method: 'mutation',
        params: { path: 'campaign.update', input: { campaignId: CAMPAIGN, updates } },
      });
    // 390 points each, of which 200 are there ahead.
    await raw.answer(2);
    const other = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'grace' }) });
    await other.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    expect(answers(raw)).toBeLessThan(8);
  });

  test('P20 mutations are counted for the caller too, over all of its connections', async () => {
    const { url } = await startGuarded({ rateLimit: 10 });
    const token = await tokenFor({ '*': 'editor' });
    const clients = Array.from({ length: 8 }, () => wsClient(url, { token }));
    // Connected before: all of them fall into one second.
    await Promise.all(clients.map((client) => client.campaign.get.query({ campaignId: CAMPAIGN })));
    const outcomes = await Promise.all(
      clients.map((client) =>
        client.campaign.update
          .mutate({
            campaignId: CAMPAIGN,
            updates: Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`k${n}`, n])),
          })
          .then(
            () => 'accepted',
            (error: unknown) => errorDataOf(error),
          ),
      ),
    );
    const refused = outcomes.filter((outcome) => outcome !== 'accepted');
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(refused[0]).toMatchObject({ reason: 'RATE_LIMITED', limit: 40 });
  });
});

test('P22 a connection without a token is closed after 64 refused calls, and its other calls are not looked at', async () => {
  const { url } = await startGuarded();
  const raw = await rawSocket(url);
  for (let frame = 1; frame <= 10; frame += 1) raw.send(gets(100));
  await until(() => raw.code !== undefined);
  expect(raw.code).toBe(CLOSE_CODES.tooManyRefusals.code);
  expect(answers(raw)).toBeGreaterThanOrEqual(API_LIMITS.refusalsBeforeAdmission - 1);
  expect(answers(raw)).toBeLessThan(300);
});

describe('P23 answers that cost too much', () => {
  test('P23 the answers of an http batch have at most 4 MiB', async () => {
    const { url } = await startServer({ callLimit: 0, campaigns: large });
    const { campaign } = batchingClient(url);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 40 }, () => campaign.get.query({ campaignId: CAMPAIGN })),
    );
    const answered = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect(answered).toBe(Math.floor(API_LIMITS.batchAnswerBytes / 200_300));
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(await refusal(Promise.reject(refused?.reason))).toMatchObject({
      reason: 'TOO_LARGE',
      limit: API_LIMITS.batchAnswerBytes,
    });
  });
});
