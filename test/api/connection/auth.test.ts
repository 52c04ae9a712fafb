import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { httpClient, rawSocket, refusal, errorDataOf, watch, wsClient } from '../support/clients.ts';
import type { Client } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, startServer, tokenFor, until } from '../support/server.ts';

const KEY = new TextEncoder().encode(SECRET);
const inTenMinutes = (): number => Math.floor(Date.now() / 1_000) + 600;

/** Every procedure with the role it needs, as a call that would succeed with it. */
const calls: [name: string, needed: 'viewer' | 'editor' | 'admin', call: (client: Client) => Promise<unknown>][] = [
  ['get', 'viewer', ({ campaign }) => campaign.get.query({ campaignId: CAMPAIGN })],
  ['history', 'viewer', ({ campaign }) => campaign.history.query({ campaignId: CAMPAIGN })],
  ['at', 'viewer', ({ campaign }) => campaign.at.query({ campaignId: CAMPAIGN, version: 1 })],
  ['diff', 'viewer', ({ campaign }) => campaign.diff.query({ campaignId: CAMPAIGN, from: 1, to: 1 })],
  ['watch', 'viewer', (client) => firstEvent(client)],
  ['update', 'editor', ({ campaign }) => campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'A' } })],
  [
    'updateFeatures',
    'editor',
    ({ campaign }) => campaign.updateFeatures.mutate({ campaignId: CAMPAIGN, features: ['a'], action: 'add' }),
  ],
  [
    'updateConfig',
    'editor',
    ({ campaign }) => campaign.updateConfig.mutate({ campaignId: CAMPAIGN, section: 'theme', value: { a: 1 } }),
  ],
  ['batch', 'editor', ({ campaign }) => campaign.batch.mutate({ campaignId: CAMPAIGN, commands: [] })],
  ['push', 'editor', ({ campaign }) => campaign.push.mutate({ campaignId: CAMPAIGN, mutations: [] })],
  ['rollback', 'editor', ({ campaign }) => campaign.rollback.mutate({ campaignId: CAMPAIGN, toVersion: 1 })],
  [
    'create',
    'admin',
    ({ campaign }) => campaign.create.mutate({ campaignId: 'fresh', state: { slug: 'fresh', title: 'F' } }),
  ],
  ['archive', 'admin', ({ campaign }) => campaign.archive.mutate({ campaignId: CAMPAIGN })],
  ['restore', 'admin', ({ campaign }) => campaign.restore.mutate({ campaignId: CAMPAIGN })],
];

function firstEvent({ campaign }: Client, campaignId = CAMPAIGN): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const subscription = campaign.watch.subscribe(
      { campaignId },
      {
        onData(event) {
          subscription.unsubscribe();
          resolve(event);
        },
        onError: reject,
      },
    );
  });
}

const RANK = { viewer: 0, editor: 1, admin: 2 };

describe.each(['viewer', 'editor', 'admin'] as const)('P4 a token that makes a %s', (role) => {
  test('is allowed what the role allows, and nothing else', async () => {
    const { url } = await startGuarded();
    const client = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: role, fresh: role }) });
    for (const [name, needed, call] of calls) {
      const outcome = await call(client).then(
        () => 'done',
        (error: unknown) => errorDataOf(error).reason,
      );
      expect([name, outcome]).toEqual([name, RANK[role] >= RANK[needed] ? 'done' : 'FORBIDDEN']);
    }
  });
});

test('P4 a role on one campaign gives no right to another, and does not reveal whether it exists', async () => {
  const { url } = await startGuarded();
  const client = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: 'admin' }) });
  for (const campaignId of ['secret', 'nowhere']) {
    expect(await refusal(client.campaign.get.query({ campaignId }))).toMatchObject({
      code: 'FORBIDDEN',
      reason: 'FORBIDDEN',
      retryable: false,
    });
    expect(await refusal(client.campaign.update.mutate({ campaignId, updates: {} }))).toMatchObject({
      reason: 'FORBIDDEN',
    });
  }
  const { items } = await client.campaign.list.query();
  expect(items.map(({ campaignId }) => campaignId)).toEqual([CAMPAIGN]);
});

test('P16 session.info returns the caller and its role, also after the rights were replaced', async () => {
  const { url } = await startGuarded({ publicRead: true });
  const client = wsClient(url, { token: await tokenFor({ '*': 'viewer', [CAMPAIGN]: 'editor' }, { sub: 'ada' }) });
  const infoOf = (campaignId: string) => client.session.info.query({ campaignId });
  expect(await infoOf(CAMPAIGN)).toEqual({
    id: 'ada',
    role: 'editor',
    fields: { hidden: [], readOnly: [] },
    anonymous: false,
    expiresAt: expect.any(Number),
  });
  expect(await infoOf('secret')).toMatchObject({ role: 'viewer' });
  await client.session.authenticate.mutate({ token: await tokenFor({ [CAMPAIGN]: 'admin' }, { sub: 'grace' }) });
  expect(await infoOf(CAMPAIGN)).toMatchObject({ id: 'grace', role: 'admin' });
  expect(await infoOf('secret')).not.toHaveProperty('role');
  expect(await wsClient(url).session.info.query({ campaignId: CAMPAIGN })).toEqual({
    id: 'anonymous',
    role: 'viewer',
    fields: { hidden: ['owner_id'], readOnly: [] },
    anonymous: true,
  });
});

test('P5 without a token every call is UNAUTHORIZED', async () => {
  const { url } = await startGuarded();
  for (const client of [wsClient(url), httpClient(url)]) {
    expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
      code: 'UNAUTHORIZED',
      reason: 'UNAUTHORIZED',
    });
    expect(await refusal(client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: {} }))).toMatchObject({
      reason: 'UNAUTHORIZED',
    });
    expect(await refusal(client.system.info.query())).toMatchObject({ reason: 'UNAUTHORIZED' });
  }
});

test('P5 public read returns published campaigns without their owner, and a draft looks like a campaign that does not exist', async () => {
  const { url } = await startGuarded({ publicRead: true });
  const client = wsClient(url);
  const { state } = await client.campaign.get.query({ campaignId: CAMPAIGN });
  expect(state).toMatchObject({ title: 'Spring' });
  expect(state).not.toHaveProperty('owner_id');
  expect(JSON.stringify(await firstEvent(client))).not.toContain('owner_id');
  const draft = await refusal(client.campaign.get.query({ campaignId: 'secret' }));
  const nothing = await refusal(client.campaign.get.query({ campaignId: 'nowhere' }));
  expect({ ...draft, message: draft.message.replace('secret', 'X'), correlationId: '' }).toEqual({
    ...nothing,
    message: nothing.message.replace('nowhere', 'X'),
    correlationId: '',
  });
  expect((await client.campaign.list.query()).items.map(({ campaignId }) => campaignId)).toEqual([CAMPAIGN]);
  for (const refused of [
    client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: {} }),
    client.campaign.history.query({ campaignId: CAMPAIGN }),
    client.campaign.diff.query({ campaignId: CAMPAIGN, from: 1, to: 1 }),
  ]) {
    expect(await refusal(refused)).toMatchObject({ reason: 'FORBIDDEN' });
  }
});

describe('P6 an invalid token is UNAUTHORIZED, with the reason', () => {
  const claims = { sub: 'ada', campaigns: { '*': 'admin' } };
  const sign = (payload: object): Promise<string> =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'HS256' }).sign(KEY);
  const bad: [string, () => Promise<string>, RegExp][] = [
    ['no JWT', async () => 'letmein', /not a valid JWT/],
    ['expired', () => tokenFor({ '*': 'admin' }, { seconds: -1 }), /has expired/],
    [
      'another key',
      () => tokenFor({ '*': 'admin' }, { secret: 'another secret, which is as long as it has to be' }),
      /signature/,
    ],
    ['unsigned', async () => new UnsecuredJWT({ ...claims, exp: inTenMinutes() }).encode(), /algorithm|valid JWT/],
    [
      'another algorithm',
      () => new SignJWT({ ...claims, exp: inTenMinutes() }).setProtectedHeader({ alg: 'HS512' }).sign(KEY),
      /algorithm/,
    ],
    ['no end', () => sign(claims), /exp/],
    ['no subject', () => sign({ campaigns: claims.campaigns, exp: inTenMinutes() }), /sub/],
    ['no campaigns', () => sign({ sub: 'ada', exp: inTenMinutes() }), /campaigns/],
    [
      'an unknown role',
      () => sign({ ...claims, campaigns: { '*': 'owner' }, exp: inTenMinutes() }),
      /campaigns\.\*: must be one of viewer, editor, admin/,
    ],
    [
      'no campaign id',
      () => sign({ ...claims, campaigns: { 'Not An Id': 'admin' }, exp: inTenMinutes() }),
      /campaigns/,
    ],
    ['a subject that cannot be kept', () => sign({ ...claims, sub: 'a\u0000', exp: inTenMinutes() }), /sub/],
  ];

  test.each(bad)('P6 %s', async (_name, make, says) => {
    const { url } = await startGuarded({ publicRead: true });
    const token = await make();
    for (const client of [wsClient(url, { token }), httpClient(url, token)]) {
      const error = await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }));
      expect(error).toMatchObject({ code: 'UNAUTHORIZED', reason: 'UNAUTHORIZED', retryable: false });
      expect(error.message).toMatch(says);
    }
  });
});

/** An identity provider: its keys, and tokens that it signs. */
async function startProvider() {
  const state = { keys: [] as object[], up: true, fetches: 0 };
  const server = createServer((_request, response) => {
    state.fetches += 1;
    if (!state.up) return response.writeHead(500).end();
    return void response.end(JSON.stringify({ keys: state.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  async function makeKey(kid: string) {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256' };
    const sign = (claims: { iss?: string; aud?: string } = {}): Promise<string> =>
      new SignJWT({ campaigns: { '*': 'viewer' }, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setSubject('ada')
        .setExpirationTime('10m')
        .sign(privateKey);
    return { jwk, sign };
  }
  const auth = { kind: 'jwks', url, issuer: '*', audience: '*' } as const;
  return Object.assign(state, { auth, makeKey });
}

const read = (url: string, token: string): Promise<unknown> =>
  httpClient(url, token).campaign.get.query({ campaignId: CAMPAIGN });

test('P6 tokens are verified with a key set: UNAVAILABLE while it cannot be fetched, and HS256 is refused', async () => {
  const provider = await startProvider();
  const key = await provider.makeKey('k');
  provider.keys = [key.jwk];
  const token = await key.sign();
  const { url } = await startServer({ auth: provider.auth });
  await read(url, token);
  expect(await refusal(read(url, await tokenFor({ '*': 'admin' })))).toMatchObject({ reason: 'UNAUTHORIZED' });

  provider.up = false;
  const other = await startServer({ auth: provider.auth });
  expect(await refusal(read(other.url, token))).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    reason: 'UNAVAILABLE',
    retryable: true,
  });
});

test('P25 a token of another issuer or for another audience is UNAUTHORIZED', async () => {
  const provider = await startProvider();
  const { jwk, sign } = await provider.makeKey('k');
  provider.keys = [jwk];
  const iss = 'https://id.example';
  const aud = 'campaigns';
  const { url } = await startServer({ auth: { ...provider.auth, issuer: iss, audience: aud } });
  await read(url, await sign({ iss, aud }));
  for (const claims of [{}, { iss }, { aud }, { iss, aud: 'billing' }, { iss: 'https://other.example', aud }])
    expect(await refusal(read(url, await sign(claims)))).toMatchObject({ reason: 'UNAUTHORIZED', retryable: false });
});

test('P26 a new key is waited for, a removed one ends its tokens, on open connections too', async () => {
  const provider = await startProvider();
  const [first, second] = [await provider.makeKey('first'), await provider.makeKey('second')];
  provider.keys = [first.jwk];
  const { url } = await startServer({ auth: { ...provider.auth, recheckMs: 1_000 } });
  const client = wsClient(url, { token: await first.sign() });
  const watching = watch(client, { campaignId: CAMPAIGN });
  await until(() => watching.events.length > 0);

  expect(await refusal(read(url, await second.sign()))).toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
  provider.keys = [first.jwk, second.jwk];
  const token = await second.sign();
  await until(() =>
    read(url, token).then(
      () => true,
      () => false,
    ),
  );
  expect(watching.error).toBeUndefined();

  provider.keys = [second.jwk];
  await until(() => watching.error !== undefined);
  expect(errorDataOf(watching.error)).toMatchObject({ reason: 'UNAUTHORIZED' });
  expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'UNAUTHORIZED' });
  const removed = await first.sign();
  await until(async () => (await refusal(read(url, removed))).reason === 'UNAUTHORIZED');
  await read(url, token);
});

describe('P27 tokens that claim too much, or nothing', () => {
  const signed = (sub: string, seconds = 600): Promise<string> => tokenFor({ '*': 'admin' }, { sub, seconds });

  test.each(['system', 'anonymous', 'dev', 'nobody', 'key:a'])('P27 the subject %s is reserved', async (sub) => {
    const { url } = await startGuarded();
    const error = await refusal(read(url, await signed(sub)));
    expect(error).toMatchObject({ reason: 'UNAUTHORIZED', message: expect.stringContaining('sub: is reserved') });
  });

  test('P27 exp is at most 31 days from now', async () => {
    const { url } = await startGuarded();
    await read(url, await signed('ada', 30 * 86_400));
    const error = await refusal(read(url, await signed('ada', 32 * 86_400)));
    expect(error).toMatchObject({ reason: 'UNAUTHORIZED', message: expect.stringContaining('exp') });
  });

  test('P27 an Authorization header that is no bearer token is refused, also with public read', async () => {
    const { url } = await startGuarded({ publicRead: true });
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b', 'token']) {
      const { status } = await fetch(`${url}/trpc/campaign.get?input={"campaignId":"${CAMPAIGN}"}`, {
        headers: { authorization },
      });
      expect([authorization, status]).toEqual([authorization, 401]);
    }
  });

  test('P27 a token without a role reads nothing', async () => {
    const { url } = await startGuarded({ publicRead: true });
    const client = wsClient(url, { token: await tokenFor({}) });
    expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'FORBIDDEN' });
    expect((await client.campaign.list.query()).items).toEqual([]);
    expect((await client.system.info.query()).defaultCampaignId).toBeUndefined();
    const refused = await new Promise<unknown>((resolve) => {
      client.system.stats.subscribe(undefined, { onError: resolve, onData: resolve });
    });
    expect(errorDataOf(refused)).toMatchObject({ reason: 'FORBIDDEN' });
  });
});

test('P28 a draft takes a caller without a token as long as a campaign that does not exist', async () => {
  const { url } = await startGuarded({ publicRead: true, callLimit: 0 });
  const client = wsClient(url);
  await client.campaign.get.query({ campaignId: CAMPAIGN });
  const stream = async (campaignId: string): Promise<void> => {
    const response = await fetch(
      `${url}/trpc/campaign.watch?input=${encodeURIComponent(JSON.stringify({ campaignId }))}`,
    );
    expect(await response.text()).toContain('NOT_FOUND');
  };
  const ways: ((campaignId: string) => Promise<unknown>)[] = [
    (campaignId) => refusal(client.campaign.get.query({ campaignId })),
    (campaignId) => refusal(httpClient(url).campaign.get.query({ campaignId })),
    // Pushed as frames over ws, pulled over SSE.
    (campaignId) => refusal(firstEvent(client, campaignId)),
    stream,
  ];
  for (const ask of ways) {
    for (const campaignId of ['secret', 'nowhere']) {
      const startedAt = performance.now();
      await ask(campaignId);
      expect(performance.now() - startedAt).toBeGreaterThan(45);
    }
  }
});

test('P8 session.authenticate replaces the rights of later calls and of live subscriptions', async () => {
  const { url } = await startGuarded();
  const client = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: 'viewer' }) });
  const watching = watch(client, { campaignId: CAMPAIGN });
  await until(() => watching.events.length > 0);
  const edit = (title: string): Promise<unknown> =>
    client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title } });
  expect(await refusal(edit('No'))).toMatchObject({ reason: 'FORBIDDEN' });

  const authenticated = client.session.authenticate.mutate({
    token: await tokenFor({ [CAMPAIGN]: 'editor' }, { sub: 'grace' }),
  });
  // Not awaited in between: it is the order of sending that counts.
  const edited = edit('Yes');
  expect(await authenticated).toMatchObject({ id: 'grace', expiresAt: expect.any(Number) });
  await edited;
  await until(() => watching.mirror.version === 2);

  expect(await refusal(client.session.authenticate.mutate({ token: 'nonsense' }))).toMatchObject({
    reason: 'UNAUTHORIZED',
  });
  await edit('Still grace');
  await until(() => watching.mirror.version === 3);

  await client.session.authenticate.mutate({ token: await tokenFor({ other: 'admin' }) });
  await until(() => watching.error !== undefined);
  expect(errorDataOf(watching.error)).toMatchObject({ reason: 'FORBIDDEN' });
  expect(await refusal(edit('No more'))).toMatchObject({ reason: 'FORBIDDEN' });
});

test('P8 a connection that was not admitted is admitted by a valid token', async () => {
  const { url } = await startGuarded();
  const client = wsClient(url);
  expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'UNAUTHORIZED' });
  await client.session.authenticate.mutate({ token: await tokenFor({ '*': 'viewer' }) });
  await client.campaign.get.query({ campaignId: CAMPAIGN });
});

test('P9 an expired token ends calls and subscriptions on an open connection; a new token resumes them', async () => {
  const { url, service } = await startGuarded();
  const { identity } = { identity: { id: 'test', grants: { '*': 'admin' as const } } };
  const client = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: 'editor' }, { seconds: 5 }) });
  const watching = watch(client, { campaignId: CAMPAIGN });
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'In time' } });
  await until(() => watching.mirror.version === 2);

  await until(() => watching.error !== undefined);
  expect(errorDataOf(watching.error)).toMatchObject({
    reason: 'UNAUTHORIZED',
    message: expect.stringContaining('expired'),
  });
  await service.mutate(
    { identity, correlationId: 'c' },
    CAMPAIGN,
    { type: 'update', updates: { title: 'Not for them' } },
    {},
  );
  expect(
    await refusal(client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Late' } })),
  ).toMatchObject({ reason: 'UNAUTHORIZED' });
  expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({ reason: 'UNAUTHORIZED' });
  expect(watching.mirror.version).toBe(2);

  await client.session.authenticate.mutate({ token: await tokenFor({ [CAMPAIGN]: 'editor' }) });
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'On' } });
});

test('P9 statistics and the trace end when the token expires, the trace also when its right is lost, without any event', async () => {
  const { url } = await startGuarded();
  const ends = (client: Client): Promise<unknown>[] => {
    const ending = (subscribe: (onError: (error: unknown) => void) => void) =>
      new Promise<unknown>((resolve) => subscribe(resolve)).then(errorDataOf);
    return [
      ending((onError) => void client.system.trace.subscribe(undefined, { onError })),
      ending((onError) => void client.system.stats.subscribe(undefined, { onError })),
    ];
  };
  const expiring = ends(wsClient(url, { token: await tokenFor({ '*': 'admin' }, { seconds: 2 }) }));
  const demoted = wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
  const [trace] = ends(demoted);
  await demoted.session.authenticate.mutate({ token: await tokenFor({ '*': 'editor' }) });
  expect(await trace).toMatchObject({ reason: 'FORBIDDEN' });
  expect(await Promise.all(expiring)).toMatchObject([{ reason: 'UNAUTHORIZED' }, { reason: 'UNAUTHORIZED' }]);
});

test('P10 a client of another contract is UPGRADE_REQUIRED; a client that names none is accepted', async () => {
  const { url } = await startServer();
  for (const client of [wsClient(url, { contract: '2' }), httpClient(url, undefined, { 'x-campaign-contract': '2' })]) {
    expect(await refusal(client.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
      reason: 'UPGRADE_REQUIRED',
      retryable: false,
    });
    expect(await refusal(client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: {} }))).toMatchObject({
      reason: 'UPGRADE_REQUIRED',
    });
  }
  const other = wsClient(url, { contract: '2' });
  expect(await refusal(other.session.authenticate.mutate({ token: 'any' }))).toMatchObject({
    reason: 'UPGRADE_REQUIRED',
  });
  expect(await refusal(other.campaign.get.query({ campaignId: CAMPAIGN }))).toMatchObject({
    reason: 'UPGRADE_REQUIRED',
  });
  await httpClient(url).campaign.get.query({ campaignId: CAMPAIGN });
  const raw = await rawSocket(url);
  raw.send({ id: 1, method: 'query', params: { path: 'campaign.get', input: { campaignId: CAMPAIGN } } });
  expect((await raw.answer(1)).result?.type).toBe('data');
});
