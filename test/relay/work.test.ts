import { expect, test } from 'vitest';
import type { Connection, Context } from '../../server/api/connection/context.ts';
import { createRelayedCallers } from '../../server/api/connection/relayed-callers.ts';
import { API_LIMITS } from '../../server/api/limits.ts';
import { errorDataOf, rawSocket, refusal, wsClient, type Client } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor } from '../api/support/server.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { relayKey, startRelay } from './support/relay.ts';

const input = { campaignId: CAMPAIGN };

/** Reasons of those calls that were refused. */
async function refusals(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(calls);
  return outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [String(errorDataOf(outcome.reason).reason)] : [],
  );
}

function histories(client: Client, count: number): Promise<unknown>[] {
  return Array.from({ length: count }, () => client.campaign.history.query(input));
}

test('Q18 who calls through a relay pays upstream too: beyond its budget it is refused, and told when to come again', async () => {
  const origin = await startGuarded({ callLimit: 100 });
  const relay = await startRelay(origin, { callLimit: 0 });
  const ada = wsClient(relay.url, { token: await tokenFor({ '*': 'viewer' }, { sub: 'ada' }) });
  const grace = wsClient(relay.url, { token: await tokenFor({ '*': 'viewer' }, { sub: 'grace' }) });
  const refused = await refusals(histories(ada, 200));
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused)).toEqual(new Set(['RATE_LIMITED']));
  expect(await refusal(ada.campaign.history.query(input))).toMatchObject({ retryAfterMs: expect.any(Number) });
  expect(await grace.campaign.history.query(input)).toMatchObject({ items: [{}] });
});

test('Q18 all who call through one relay have a budget together, and others have their own', async () => {
  const origin = await startGuarded({ callLimit: 2 });
  const relay = await startRelay(origin, { callLimit: 0 });
  // With the same key, as the workers of one process have it.
  const other = await startRelay(origin, { callLimit: 0 });
  const tokenOf = (number: number) => tokenFor({ '*': 'viewer' }, { sub: `caller ${number}` });
  const tokens = await Promise.all(Array.from({ length: 120 }, (_, number) => tokenOf(number)));
  // Each of them keeps within its own.
  const refused = await refusals(tokens.flatMap((token) => histories(wsClient(relay.url, { token }), 1)));
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused)).toEqual(new Set(['RATE_LIMITED']));
  for (const { url } of [other, origin])
    expect(await wsClient(url, { token: await tokenOf(200) }).campaign.history.query(input)).toMatchObject({
      items: [{}],
    });
});

test('Q18 a few who ask for far more than they may get nobody else refused who calls through their relay', async () => {
  const origin = await startGuarded({ callLimit: 40 });
  const relay = await startRelay(origin, { callLimit: 0 });
  const clientOf = async (sub: string) => wsClient(relay.url, { token: await tokenFor({ '*': 'viewer' }, { sub }) });
  const greedy = await Promise.all(['one', 'two', 'three', 'four', 'five', 'six'].map(clientOf));
  const refused = await refusals(greedy.flatMap((client) => histories(client, 200)));
  expect(refused.length).toBeGreaterThan(600);
  expect(await (await clientOf('modest')).campaign.history.query(input)).toMatchObject({ items: [{}] });
});

/** Calls something of the history as a caller of a relay, with what its connection here says of itself. */
async function callThrough(given: {
  readonly type: 'query' | 'mutation' | 'subscription';
  readonly relayWaitMs: number;
  readonly connection: Partial<Record<keyof Connection, () => unknown>>;
}): Promise<unknown> {
  const connection = {
    admitted: () => ({ id: 'ada', grants: {} }),
    chargeAlone: () => undefined,
    chargeRefusal: () => undefined,
    ...given.connection,
  } as unknown as Connection;
  let relayWaitMs = 0;
  const callers = createRelayedCallers({
    identify: async () => ({ id: 'ada', grants: {} }),
    connect: () => connection,
    contextOf: () => ({}) as unknown as Context,
    run: async () => 'answered',
    onToken: () => undefined,
    relayWaitMs: () => relayWaitMs,
  });
  callers.enter('one', { token: 'a token', address: '203.0.113.7', transport: 'ws' });
  ({ relayWaitMs } = given);
  return callers.call('one', { path: 'campaign.history', type: given.type, input, correlationId: 'c' }, undefined);
}

test.each([
  { own: 0, relay: 0, refused: false },
  { own: 1_000, relay: 0, refused: false },
  { own: 3_000, relay: 0, refused: true },
  { own: 0, relay: 3_000, refused: false },
  { own: 1, relay: 1, refused: true },
  { own: 0, relay: 5_000, refused: true },
])('Q18 a caller that owes $own ms, behind a relay that owes $relay ms, is refused: $refused', async (given) => {
  let paidByAll = 0;
  const answer = callThrough({
    type: 'query',
    relayWaitMs: given.relay,
    // As much of it as is used.
    connection: { waitMs: () => given.own, bufferedBytes: () => 0, chargeRefusal: () => (paidByAll += 1) },
  });
  if (given.refused) await expect(answer).rejects.toMatchObject({ refusal: { reason: 'RATE_LIMITED' } });
  else expect(await answer).toBe('answered');
  // Whoever owes is refused at its own cost.
  expect(paidByAll).toBe(given.own === 0 && given.refused ? 1 : 0);
});

test('Q18 what a relay asks for itself is paid for by its budget', async () => {
  const origin = await startGuarded({ callLimit: 1 });
  const raw = await rawSocket(origin.url, { headers: { authorization: `Bearer ${await relayKey()}` } });
  const ask = (id: number, path: string, given?: object): Promise<unknown> => {
    raw.send({ id, method: path === 'relay.watch' ? 'subscription' : 'query', params: { path, input: given } });
    return raw.answer(id, ({ result }) => result?.type !== 'started');
  };
  await ask(1, 'relay.hello');
  const late = { error: { data: { reason: 'RATE_LIMITED', retryAfterMs: expect.any(Number) } } };
  for (let id = 2; id < 50; id += 1) await ask(id, 'relay.look', input);
  expect(await ask(50, 'relay.look', input)).toMatchObject(late);
  expect(await ask(51, 'relay.watch', input)).toMatchObject(late);
  expect(await ask(52, 'relay.identify', { token: 'csk_anything' })).toMatchObject(late);
});

test('Q18 a relay has at most so many campaigns open, and one that it closes makes room', () => {
  const callers = createRelayedCallers({
    // Nobody calls.
    identify: () => expect.unreachable(),
    connect: () => expect.unreachable(),
    contextOf: () => expect.unreachable(),
    run: () => expect.unreachable(),
    onToken: () => expect.unreachable(),
    relayWaitMs: () => 0,
  });
  const limit = API_LIMITS.relayCampaigns;
  const [close] = Array.from({ length: limit }, () => callers.openCampaign());
  expect(() => callers.openCampaign()).toThrow(`at most ${limit} campaigns`);
  close?.();
  close?.();
  callers.openCampaign();
  expect(() => callers.openCampaign()).toThrow(`at most ${limit} campaigns`);
});

const MIB = 1024 * 1024;
test.each([
  { type: 'query', own: 0, unsent: 16 * MIB, refused: false },
  { type: 'query', own: 0, unsent: 16 * MIB + 1, refused: true },
  { type: 'query', own: 1, unsent: MIB, refused: false },
  { type: 'query', own: 1, unsent: MIB + 1, refused: true },
  { type: 'mutation', own: 1, unsent: MIB + 1, refused: false },
  { type: 'mutation', own: 0, unsent: 16 * MIB + 1, refused: true },
  { type: 'subscription', own: 1, unsent: 16 * MIB + 1, refused: false },
] as const)(
  'Q19 a $type of a caller that owes $own ms is refused above $unsent bytes unsent: $refused',
  async ({ type, own, unsent, refused }) => {
    const answer = callThrough({
      type,
      relayWaitMs: 0,
      connection: { waitMs: () => own, bufferedBytes: () => unsent },
    });
    if (refused) await expect(answer).rejects.toMatchObject({ refusal: { reason: 'OVERLOADED' } });
    else expect(await answer).toBe('answered');
  },
);

test('Q19 the link stays, whatever is asked for through it at once, and others are answered', async () => {
  const origin = await startGuarded({ callLimit: 0 });
  const proxy = await openTcpProxy(origin.port);
  cleanUp(() => proxy.close());
  const relay = await startRelay(proxy, { callLimit: 0 });
  const token = await tokenFor({ '*': 'admin' });
  const writer = wsClient(origin.url, { token });
  // A page of the history has a megabyte.
  for (let page = 0; page < 6; page += 1)
    await writer.campaign.update.mutate({ ...input, updates: { text: String(page).repeat(200_000) } });
  const greedy = wsClient(relay.url, { token });
  const modest = wsClient(relay.url, { token: await tokenFor({ '*': 'viewer' }, { sub: 'modest' }) });
  const calls = histories(greedy, 64);
  for (const reason of await refusals(calls)) expect(reason).toBe('OVERLOADED');
  expect(await modest.campaign.list.query()).toMatchObject({ items: [{}, {}] });
  expect(proxy.connections()).toBe(1);
});
