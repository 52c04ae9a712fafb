import { expect, test } from 'vitest';
import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { OFREPProvider, OFREPWebProvider, ServerOpenFeature, WebOpenFeature } from '../../tools/ofrep.ts';
import { httpClient, type Client } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../support/server.ts';

const MARKER = 'marker-of-another-arm';

const PRICE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'userId',
  coverage: 1,
  arms: {
    high: { weight: 1, change: { merge: { theme: { price: 12 } } } },
    low: { weight: 1, change: { merge: { theme: { price: 9 } } } },
  },
};

const LAGOS: RuleInput = {
  order: 2,
  status: 'running',
  unit: 'userId',
  when: { city: 'Lagos' },
  coverage: 1,
  arms: { on: { weight: 1, change: { features: { add: ['lagos'] }, merge: { theme: { accent: MARKER } } } } },
};

async function guardedCampaign(options: Parameters<typeof startGuarded>[0] = {}) {
  const { url } = await startGuarded(options);
  const editor = httpClient(url, await tokenFor({ [CAMPAIGN]: 'editor' }));
  await editor.campaign.update.mutate({
    campaignId: CAMPAIGN,
    updates: { theme: { accent: 'red' }, commerce: { deep: { a: 1 } } },
  });
  await editor.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'price', rule: PRICE });
  await editor.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'lagos-rule', rule: LAGOS });
  const token = await tokenFor({ [CAMPAIGN]: 'viewer' }, { sub: 'app' });
  return { url, editor, token, base: `${url}/campaigns/${CAMPAIGN}` };
}

function ask(
  base: string,
  path: string,
  token: string | undefined,
  body: unknown,
  headers: Record<string, string> = {},
) {
  return fetch(`${base}/ofrep/v1/evaluate/flags${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function change(editor: Client, updates: Record<string, unknown>): Promise<void> {
  await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: updates as never });
}

test('T330 a single flag is a feature, a place of the resolved document, or the arm of a rule, with variant and reason', async () => {
  const { base, token } = await guardedCampaign();
  const context = { targetingKey: 'ada', userId: 'ada' };
  const flag = async (key: string, more: object = {}) =>
    (await ask(base, `/${key}`, token, { context: { ...context, ...more } })).json() as Promise<{ value?: unknown }>;
  expect(await flag('referral')).toMatchObject({ key: 'referral', value: true, reason: 'TARGETING_MATCH' });
  expect(await flag('theme.accent')).toMatchObject({ value: 'red' });
  const { value } = await flag('theme.price');
  expect([9, 12]).toContain(value);
  expect(await flag('price')).toMatchObject({
    value: value === 12 ? 'high' : 'low',
    variant: value === 12 ? 'high' : 'low',
    reason: 'SPLIT',
  });
  expect(await flag('theme.accent', { city: 'Lagos' })).toMatchObject({ value: MARKER });
  expect(await flag('lagos-rule', { city: 'Lagos' })).toMatchObject({ variant: 'on', reason: 'TARGETING_MATCH' });
});

test('T331 errors are those of OFREP, with their status, and say nothing of what is not shown', async () => {
  const { base, url, token } = await guardedCampaign();
  const cases = [
    [await ask(base, '/nothing', token, {}), 404, { key: 'nothing', errorCode: 'FLAG_NOT_FOUND' }],
    [await ask(base, '/rules.price', token, {}), 404, { errorCode: 'FLAG_NOT_FOUND' }],
    [await ask(base, '/price', token, '{'), 400, { key: 'price', errorCode: 'PARSE_ERROR' }],
    [await ask(base, '', token, '[]'), 400, { errorCode: 'PARSE_ERROR' }],
    [await ask(base, '', token, { context: 'me' }), 400, { errorCode: 'INVALID_CONTEXT' }],
    [await ask(base, '', token, { context: { a: 'x'.repeat(5_000) } }), 400, { errorCode: 'INVALID_CONTEXT' }],
    [await ask(base, '', undefined, {}), 401, {}],
    [await ask(base, '', 'no token', {}), 401, {}],
    [await ask(`${url}/campaigns/secret`, '', token, {}), 403, {}],
    [await ask(`${url}/campaigns/A%20B`, '', token, {}), 400, {}],
  ] as const;
  for (const [response, status, answer] of cases) {
    expect(response.status).toBe(status);
    const body = (await response.json()) as { errorDetails: string };
    expect(body).toMatchObject(answer);
    expect(body.errorDetails).toEqual(expect.any(String));
    expect(JSON.stringify(body)).not.toContain(MARKER);
  }
  const wrong = await fetch(`${base}/ofrep/v1/evaluate/flags`, { headers: { authorization: `Bearer ${token}` } });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
});

test('T332 a bulk answer has an ETag, and is 304 until something changes that its viewer sees; no rule, segment or other arm is in it', async () => {
  const { base, token, editor } = await guardedCampaign();
  const context = { userId: 'ada' };
  const first = await ask(base, '', token, { context });
  const etag = first.headers.get('etag') ?? '';
  const text = await first.text();
  expect(text).not.toContain(MARKER);
  expect(text).not.toMatch(/weight|ranges|seed|lagos/);
  const { flags } = JSON.parse(text) as { flags: { key: string; value: unknown }[] };
  expect(Object.fromEntries(flags.map(({ key, value }) => [key, value]))).toMatchObject({
    referral: true,
    'theme.accent': 'red',
    'commerce.deep': { a: 1 },
    'commerce.deep.a': 1,
    title: 'Spring',
  });
  const again = (more = {}) => ask(base, '', token, { context: { ...context, ...more } }, { 'if-none-match': etag });
  expect((await again()).status).toBe(304);
  // An arm of others does not concern this viewer.
  const others = { ...LAGOS, arms: { on: { weight: 1, change: { features: { add: ['elsewhere'] } } } } };
  await editor.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'lagos-rule', rule: others });
  expect((await again()).status).toBe(304);
  expect((await again({ city: 'Lagos' })).status).toBe(200);
  await change(editor, { title: 'Summer' });
  expect((await again()).status).toBe(200);
});

test('T333 pages of allowed origins may ask, and only they', async () => {
  const origin = 'https://app.example.com';
  const { base, token } = await guardedCampaign({ allowedOrigins: [origin] });
  const preflight = await fetch(`${base}/ofrep/v1/evaluate/flags`, { method: 'OPTIONS', headers: { origin } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')).toContain('if-none-match');
  const asked = await ask(base, '', token, {}, { origin });
  expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
  expect(asked.headers.get('access-control-expose-headers')).toContain('etag');
  expect((await ask(base, '', token, {}, { origin: 'https://evil.example' })).status).toBe(403);
});

test('T334 requests for flags are paid for by the budget of calls', async () => {
  const { base, token } = await guardedCampaign({ callLimit: 20 });
  let limited: Response | undefined;
  await until(async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(base, '/nothing', token, {})));
    limited = answers.find(({ status }) => status === 429);
    return limited !== undefined;
  });
  expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('T335 the official provider for servers resolves flags by the context of each call', async () => {
  const { base, token } = await guardedCampaign();
  const provider = new OFREPProvider({ baseUrl: base, headers: { authorization: `Bearer ${token}` } });
  await ServerOpenFeature.setProviderAndWait('flags', provider);
  cleanUp(() => ServerOpenFeature.close());
  const client = ServerOpenFeature.getClient('flags');
  expect(await client.getBooleanValue('referral', false)).toBe(true);
  expect(await client.getBooleanValue('lagos', false, { city: 'Lagos' })).toBe(true);
  expect(await client.getBooleanValue('lagos', false, { city: 'Berlin' })).toBe(false);
  const details = await client.getStringDetails('price', 'none', { userId: 'ada' });
  expect(details).toMatchObject({ variant: details.value, reason: 'SPLIT' });
  expect(await client.getStringDetails('nothing', 'none')).toMatchObject({
    value: 'none',
    errorCode: 'FLAG_NOT_FOUND',
  });
});

test('T336 the official provider for the web follows the context, and the event stream where the campaign is public', async () => {
  const { base, editor } = await guardedCampaign({ publicRead: true });
  const provider = new OFREPWebProvider({ baseUrl: base, pollInterval: 0, disableVisibilityRefresh: true } as never);
  const { EventSource } = await import('./event-source.ts');
  Object.assign(globalThis, { EventSource });
  cleanUp(() => Reflect.deleteProperty(globalThis, 'EventSource'));
  await WebOpenFeature.setContext({ targetingKey: 'ada', userId: 'ada', city: 'Berlin' });
  // Its types were not made for exact optional properties.
  await WebOpenFeature.setProviderAndWait(provider as never);
  cleanUp(() => WebOpenFeature.close());
  const client = WebOpenFeature.getClient();
  expect(client.getBooleanValue('lagos', false)).toBe(false);
  expect(client.getStringDetails('price', 'none')).toMatchObject({ reason: 'SPLIT' });
  await WebOpenFeature.setContext({ targetingKey: 'ada', userId: 'ada', city: 'Lagos' });
  expect(client.getBooleanValue('lagos', false)).toBe(true);
  expect(client.getStringValue('theme.accent', '')).toBe(MARKER);
  await change(editor, { title: 'Summer' });
  await until(() => client.getStringValue('title', '') === 'Summer');
});
