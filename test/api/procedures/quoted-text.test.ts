import { describe, expect, test } from 'vitest';
import type { ErrorData } from '../../../server/api/failure.ts';
import { rawSocket } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer } from '../support/server.ts';

const LONG = 'k'.repeat(100_000);

interface Answer {
  error: { message: string; data: ErrorData };
}

async function post(url: string, path: string, body: string): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/trpc/${path}`, { method: 'POST', headers, body });
  return { status: response.status, text: await response.text() };
}

const update = (updates: string): string => `{"campaignId":"${CAMPAIGN}","updates":${updates}}`;

describe('P24 what an answer quotes of its caller is cut', () => {
  const bodies: [string, string, string][] = [
    ['a key that is not Unicode', 'campaign.update', update(`{"${LONG}\\ud800":1}`)],
    ['a forbidden key under a long one', 'campaign.update', update(`{"${LONG}":{"constructor":1}}`)],
    ['a key of a known section', 'campaign.update', update(`{"ui_components":{"${LONG}":{"type":5}}}`)],
    ['a key of a map of texts', 'campaign.update', update(`{"theme":{"${LONG}":{}}}`)],
    ['a value of a choice', 'campaign.update', update(`{"status":"${LONG}"}`)],
    ['an integer', 'campaign.update', update(`{"${LONG}":${'9'.repeat(100_000)}}`)],
    ['the type of a command', 'campaign.batch', `{"campaignId":"${CAMPAIGN}","commands":[{"type":"${LONG}"}]}`],
    ['a campaign id', 'campaign.update', `{"campaignId":"${LONG}","updates":{}}`],
    [
      'an expected version',
      'campaign.update',
      `{"campaignId":"${CAMPAIGN}","updates":{},"expectedVersion":"${LONG}:1"}`,
    ],
    ['JSON that is none', 'campaign.update', `{"campaignId":${LONG}`],
    ['a procedure', 'x'.repeat(8_000), '{}'],
  ];

  test.each(bodies)('P24 %s', async (_name, path, body) => {
    const { url } = await startServer();
    const { status, text } = await post(url, path, body);
    expect([400, 404, 413]).toContain(status);
    expect(text.length).toBeLessThan(800);
    const { error }: Answer = JSON.parse(text);
    for (const step of error.data.path ?? []) expect(String(step).length).toBeLessThanOrEqual(64);
  });

  test('P24 the outcomes of a push too', async () => {
    const { url } = await startServer();
    const command = { type: 'update', updates: { theme: { [LONG]: {} } } };
    const mutations = [{ mutationId: 'm', command }];
    const { text } = await post(url, 'campaign.push', JSON.stringify({ campaignId: CAMPAIGN, mutations }));
    expect(text).toContain('"ok":false');
    expect(text.length).toBeLessThan(800);
  });
});

describe('P24 a caller that is not admitted', () => {
  test('P24 is told that, whatever it sends, over http and ws', async () => {
    const { url } = await startGuarded();
    const { status, text } = await post(url, 'campaign.update', update('{"a":"\\ud800"}'));
    expect(status).toBe(401);
    expect(text).not.toContain('updates');
    const raw = await rawSocket(url);
    raw.send({ id: 1, method: 'mutation', params: { path: 'campaign.update', input: { campaignId: 7 } } });
    const { error } = await raw.answer(1);
    expect(error?.data).toMatchObject({ reason: 'UNAUTHORIZED' });
  });
});

describe('P29 integers beyond 2^53', () => {
  const UNSAFE = '9007199254740993';

  test('P29 are refused by the name of their field over http', async () => {
    const { url } = await startServer();
    const { status, text } = await post(url, 'campaign.update', update(`{"theme":{"a":[1,${UNSAFE}]}}`));
    expect(status).toBe(400);
    const { error }: Answer = JSON.parse(text);
    expect(error.data).toMatchObject({ reason: 'INVALID', path: ['updates', 'theme', 'a', 1] });
  });

  test('P29 are refused by the name of their field over ws, each call by itself', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    const call = (id: number, n: string): string =>
      `{"id":${id},"method":"mutation","params":{"path":"campaign.update","input":${update(`{"n":${n}}`)}}}`;
    raw.socket.send(call(1, UNSAFE));
    expect((await raw.answer(1)).error?.data).toMatchObject({ reason: 'INVALID', path: ['updates', 'n'] });
    raw.socket.send(`[${call(2, '1')},${call(3, `-${UNSAFE}`)},${call(4, '9007199254740991')},${call(5, '1e20')}]`);
    expect((await raw.answer(3)).error?.data).toMatchObject({ reason: 'INVALID', path: ['updates', 'n'] });
    for (const id of [2, 4, 5]) expect((await raw.answer(id)).result?.type).toBe('data');
  });

  test('P29 as a request id are refused, and the connection stays open', async () => {
    const { url } = await startServer();
    const raw = await rawSocket(url);
    raw.socket.send(`{"id":${UNSAFE},"method":"query","params":{"path":"system.info"}}`);
    expect((await raw.answer(null)).error?.data).toMatchObject({ reason: 'INVALID' });
    raw.send({ id: 1, method: 'query', params: { path: 'system.info' } });
    expect((await raw.answer(1)).result?.type).toBe('data');
  });
});
