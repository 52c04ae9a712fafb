import { expect, test } from 'vitest';
import { httpClient, openRaw, rawSocket, refusal, refusedUpgrade, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, tokenFor, until } from '../support/server.ts';
import { metric } from '../../support/metric.ts';

const LIMIT = 'CAMPAIGN_MAX_CONNECTIONS_PER_CALLER';

const refusals = (url: string): Promise<number> => metric(url, 'caller_connections_refused_total');

const ask = { campaignId: CAMPAIGN };

test('H38 one caller has so many connections, ws and SSE counted together; what goes beyond is refused by the name of the limit, and others are not', async () => {
  const { url } = await startGuarded({ maxConnectionsPerCaller: 2 });
  const ada = await tokenFor({ '*': 'viewer' }, { sub: 'ada' });
  const first = wsClient(url, { token: ada });
  await first.campaign.get.query(ask);
  const stream = await fetch(`${url}/trpc/campaign.watch`, { headers: { authorization: `Bearer ${ada}` } });
  const reader = stream.body?.getReader();
  await reader?.read();

  const beyond = wsClient(url, { token: ada });
  expect(await refusal(beyond.campaign.get.query(ask))).toMatchObject({
    reason: 'RATE_LIMITED',
    limit: 2,
    retryAfterMs: 5_000,
    message: expect.stringContaining(LIMIT),
  });
  const refused = await fetch(`${url}/trpc/campaign.watch`, { headers: { authorization: `Bearer ${ada}` } });
  expect(await refused.text()).toMatch(/serialized-error[^]*RATE_LIMITED/);
  expect(await refusals(url)).toBe(2);

  // Requests that are over with their answer are no connections, and others have their own.
  await httpClient(url, ada).campaign.get.query(ask);
  await wsClient(url, { token: await tokenFor({ '*': 'viewer' }, { sub: 'grace' }) }).campaign.get.query(ask);

  // A place that was given up is free.
  await reader?.cancel();
  await until(async () => {
    const next = await fetch(`${url}/trpc/campaign.watch`, { headers: { authorization: `Bearer ${ada}` } });
    const events = next.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!/snapshot|serialized-error/.test(text)) text += (await events?.read())?.value ?? '';
    await events?.cancel();
    return !text.includes('RATE_LIMITED');
  });
});

test('H38 without a valid token the address is counted, until the connection has one', async () => {
  const { url } = await startGuarded({ maxConnectionsPerCaller: 2 });
  const [one, two] = [await rawSocket(url), await rawSocket(url)];
  expect(await refusedUpgrade(url, {})).toMatchObject({ status: 429, message: expect.stringContaining(LIMIT) });
  const token = await tokenFor({ '*': 'viewer' });
  one.send({ id: 1, method: 'mutation', params: { path: 'session.authenticate', input: { token } } });
  await one.answer(1);
  const three = await rawSocket(url);
  expect(await refusedUpgrade(url, {})).toMatchObject({ status: 429 });
  two.socket.close();
  await until(async () => {
    const next = await openRaw(url).catch(() => undefined);
    next?.socket.terminate();
    return next !== undefined;
  });
  three.socket.close();
});

test('H38 a connection does not become that of a caller who has all of them: its token is refused, and its rights stay', async () => {
  const { url } = await startGuarded({ maxConnectionsPerCaller: 1 });
  const [ada, grace] = [
    await tokenFor({ '*': 'viewer' }, { sub: 'ada' }),
    await tokenFor({ '*': 'admin' }, { sub: 'grace' }),
  ];
  await wsClient(url, { token: grace }).campaign.get.query(ask);
  const client = wsClient(url, { token: ada });
  expect(await refusal(client.session.authenticate.mutate({ token: grace }))).toMatchObject({ reason: 'RATE_LIMITED' });
  expect(await client.session.info.query(ask)).toMatchObject({ id: 'ada', role: 'viewer' });
  // Another token of the same caller is no other connection.
  await client.session.authenticate.mutate({ token: await tokenFor({ '*': 'editor' }, { sub: 'ada' }) });
  expect(await client.session.info.query(ask)).toMatchObject({ id: 'ada', role: 'editor' });
});
