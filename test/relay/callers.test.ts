import { expect, test } from 'vitest';
import { RefusalError } from '../../server/core/errors.ts';
import type { Identity } from '../../server/core/permissions.ts';
import type { Connection, Context } from '../../server/api/connection/context.ts';
import { createOrderLane } from '../../server/api/connection/order-lane.ts';
import { createRelayedCallers } from '../../server/api/connection/relayed-callers.ts';
import { errorDataOf, openRaw, rawSocket, refusal, wsClient, type Message } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { openEvents } from '../api/support/sse.ts';
import { behindRelays, relayKey, startRelay } from './support/relay.ts';

const input = { campaignId: CAMPAIGN };

/** Calls of one connection after the other, which is closed then; what the last was answered. */
async function callOnce(url: string, token: string, ...calls: readonly Call[]): Promise<Message> {
  const raw = await openRaw(url, { headers: { authorization: `Bearer ${token}` } });
  let answer: Message | undefined;
  for (const [index, [method, path, given]] of calls.entries()) {
    raw.send({ id: index + 1, method, params: { path, input: given } });
    answer = await raw.answer(index + 1);
  }
  raw.socket.terminate();
  if (!answer) throw new Error('nothing was asked');
  return answer;
}

type Call = readonly [method: 'query' | 'mutation', path: string, input: object];
/** What upstream answers. */
const forwarded: Call = ['query', 'campaign.history', input];

/** Whether upstream has a place for another connection of this caller, asked through the relay. */
async function hasPlace(url: string, token: string): Promise<boolean> {
  const { error } = await callOnce(url, token, forwarded);
  if (error) expect(error.data).toMatchObject({ reason: 'RATE_LIMITED', limit: 1 });
  return !error;
}

test('Q15 a forwarded stream over SSE gives its place upstream back when it ends', async () => {
  const origin = await startGuarded({ maxConnectionsPerCaller: 1 });
  const relay = await startRelay(origin);
  const token = await tokenFor({ '*': 'editor' });
  const query = encodeURIComponent(JSON.stringify(input));
  const events = openEvents(`${relay.url}/trpc/presence.watch?input=${query}`, { authorization: `Bearer ${token}` });
  for await (const { event, data } of events) {
    if (event === 'connected' || event === 'ping') continue;
    expect(data).toContain('"type":"all"');
    break;
  }
  await until(() => hasPlace(relay.url, token));
});

test('Q15 a connection with another token gives its place upstream back when it ends', async () => {
  const origin = await startGuarded({ maxConnectionsPerCaller: 1 });
  const relay = await startRelay(origin);
  const [before, after] = [
    await tokenFor({ '*': 'editor' }, { sub: 'before' }),
    await tokenFor({ '*': 'editor' }, { sub: 'after' }),
  ];
  await callOnce(relay.url, before, forwarded, ['mutation', 'session.authenticate', { token: after }]);
  for (const token of [before, after]) await until(() => hasPlace(relay.url, token));
});

test('Q15 a caller that leaves before its token is judged takes nothing', async () => {
  const judged = Promise.withResolvers<Identity>();
  let connected = 0;
  const callers = createRelayedCallers({
    identify: () => judged.promise,
    connect() {
      connected += 1;
      throw new Error('it has left');
    },
    // Nothing is run.
    contextOf: () => expect.unreachable(),
    run: () => expect.unreachable(),
    onToken: () => expect.unreachable(),
    relayWaitMs: () => 0,
  });
  const caller = { token: 'a token', address: '203.0.113.7', transport: 'ws' } as const;
  callers.enter('one', caller);
  callers.leave('one');
  callers.enter('two', caller);
  callers.close();
  judged.resolve({ id: 'ada', grants: {} });
  await new Promise((resolve) => setImmediate(resolve));
  expect(connected).toBe(0);
});

test.each([1, 2])(
  'Q16 another token counts upstream at once: a stream that it may not have ends; through %i relays',
  async (count) => {
    const auth = { kind: 'secret', secret: SECRET } as const;
    const relay = await behindRelays(await startGuarded(), { auth }, count);
    const client = wsClient(relay.url, { token: await tokenFor({ '*': 'admin' }, { sub: 'before' }) });
    let error: unknown;
    let started = false;
    const tracing = client.system.trace.subscribe(undefined, {
      onStarted: () => (started = true),
      onError: (failed) => (error = failed),
    });
    cleanUp(() => tracing.unsubscribe());
    await until(() => started);
    await client.campaign.history.query(input);
    await client.session.authenticate.mutate({ token: await tokenFor({ '*': 'viewer' }, { sub: 'after' }) });
    await until(() => error !== undefined);
    expect(errorDataOf(error)).toMatchObject({ reason: 'FORBIDDEN' });
  },
);

test('Q16 a token that upstream refuses leaves no rights of the one before, and a better one is taken', async () => {
  const auth = { kind: 'secret', secret: SECRET, maxAgeMs: 3_600_000 } as const;
  const origin = await startGuarded({ auth });
  const relay = await startRelay(origin, { auth: { ...auth, maxAgeMs: 36_000_000 } });
  const client = wsClient(relay.url, { token: await tokenFor({ '*': 'editor' }, { sub: 'before' }) });
  const update = (title: string) => client.campaign.update.mutate({ ...input, updates: { title } });
  expect(await update('Before')).toMatchObject({ changed: true });
  const tooLong = await tokenFor({ '*': 'editor' }, { sub: 'after', seconds: 7_200 });
  await client.session.authenticate.mutate({ token: tooLong });
  expect(await refusal(update('As whom?'))).toMatchObject({ reason: 'UNAUTHORIZED' });
  await client.session.authenticate.mutate({ token: await tokenFor({ '*': 'editor' }, { sub: 'after' }) });
  expect(await update('After')).toMatchObject({ changed: true });
  const admin = await tokenFor({ '*': 'admin' });
  const { items } = await wsClient(origin.url, { token: admin }).campaign.history.query(input);
  expect(items.map(({ actor }) => actor.id)).toEqual(['after', 'before', 'system']);
});

test('Q16 a caller who has all connections upstream is refused there, and its connection goes on with another token', async () => {
  const origin = await startGuarded({ maxConnectionsPerCaller: 1 });
  const relay = await startRelay(origin);
  const [ada, grace] = [
    await tokenFor({ '*': 'editor' }, { sub: 'ada' }),
    await tokenFor({ '*': 'editor' }, { sub: 'grace' }),
  ];
  await wsClient(origin.url, { token: grace }).campaign.get.query(input);
  const client = wsClient(relay.url, { token: ada });
  const update = (title: string) => client.campaign.update.mutate({ ...input, updates: { title } });
  await update('One');
  await client.session.authenticate.mutate({ token: grace });
  expect(await refusal(update('Two'))).toMatchObject({ reason: 'RATE_LIMITED', limit: 1 });
  await client.session.authenticate.mutate({ token: ada });
  expect(await update('Three')).toMatchObject({ changed: true });
});

test('Q17 an address that a relay tells is one, and takes no place of those who come from there by themselves', async () => {
  const origin = await startGuarded({ publicRead: true, maxConnectionsPerCaller: 2 });
  const raw = await rawSocket(origin.url, { headers: { authorization: `Bearer ${await relayKey()}` } });
  const ask = (id: number, path: string, given?: object): Promise<unknown> => {
    raw.send({ id, method: 'query', params: { path, input: given } });
    return raw.answer(id);
  };
  const enter = (id: number, address: string) =>
    ask(id, 'relay.enter', { caller: `caller ${id}`, address, transport: 'ws' });
  await ask(1, 'relay.hello');
  expect(await enter(2, 'anybody else')).toMatchObject({ error: { data: { reason: 'INVALID', path: ['address'] } } });
  for (const id of [3, 4, 5]) await enter(id, '127.0.0.1');
  const call = { path: 'campaign.history', type: 'query', input, correlationId: 'c' };
  // The third is refused: this relay has two places for that address.
  expect(await ask(6, 'relay.forward', { ...call, caller: 'caller 5' })).toMatchObject({
    error: { data: { reason: 'RATE_LIMITED', limit: 2 } },
  });
  expect(await wsClient(origin.url).campaign.get.query(input)).toMatchObject({ version: 1 });
});

test('Q15 a forwarded stream ends when its caller leaves, although its relay stays', async () => {
  const origin = await startGuarded();
  const raw = await rawSocket(origin.url, { headers: { authorization: `Bearer ${await relayKey()}` } });
  const send = (id: number, method: string, path: string, given?: object) =>
    raw.send({ id, method, params: { path, input: given } });
  send(1, 'query', 'relay.hello');
  const token = await tokenFor({ '*': 'editor' });
  send(2, 'query', 'relay.enter', { caller: 'one', token, address: '203.0.113.7', transport: 'ws' });
  const call = { caller: 'one', path: 'lock.watch', input, correlationId: 'c' };
  send(3, 'subscription', 'relay.subscribe', call);
  await raw.answer(3, ({ result }) => result?.type === 'data');
  send(4, 'query', 'relay.leave', { caller: 'one' });
  await raw.answer(3, ({ result, error }) => result?.type === 'stopped' || error !== undefined);
  send(5, 'query', 'relay.heads', { campaignIds: [CAMPAIGN] });
  expect(await raw.answer(5)).toMatchObject({ result: { data: [{ campaignId: CAMPAIGN }] } });
});

const shown = { token: 'a token', address: '203.0.113.7', transport: 'ws' } as const;
const asked = { path: 'campaign.history', type: 'query', input, correlationId: 'c' } as const;

/** Callers of a relay whose tokens are judged as a test says; a call is answered with the id of its caller. */
function judgedBy(identify: () => Promise<Identity>) {
  const state = { time: 0, relayWaitMs: 0, identities: new Map<Connection, Identity | RefusalError>() };
  const closed: AbortSignal[] = [];
  /** What each call was told to end by. */
  const ends: (AbortSignal | undefined)[] = [];
  const callers = createRelayedCallers({
    identify,
    connect(admission, _caller, left) {
      closed.push(left);
      // As much of it as is used.
      const connection = {
        lane: createOrderLane(),
        waitMs: () => 0,
        bufferedBytes: () => 0,
        charge: () => undefined,
        chargeRefusal: () => undefined,
        viewer: () => undefined,
        isAdmitted: () => !(state.identities.get(connection) instanceof RefusalError),
        identity: () => state.identities.get(connection),
        admitted() {
          const identity = state.identities.get(connection);
          if (!identity || identity instanceof RefusalError) throw identity ?? new Error('it has none');
          if (identity.expiresAt === 0) throw new RefusalError('UNAUTHORIZED', 'expired');
          return identity;
        },
        replaceIdentity: (next: Identity) => void state.identities.set(connection, next),
      } as unknown as Connection;
      state.identities.set(connection, admission.kind === 'admitted' ? admission.identity : admission.error);
      return connection;
    },
    contextOf: (connection) => ({ connection }) as unknown as Context,
    async run({ connection }, _call, signal) {
      ends.push(signal);
      return connection.admitted().id;
    },
    onToken: () => undefined,
    relayWaitMs: () => state.relayWaitMs,
    now: () => state.time,
  });
  return { callers, state, closed, ends };
}

test('Q15 a stream is told to end by whichever comes first, its relay or that its caller leaves', async () => {
  const { callers, ends } = judgedBy(async () => ({ id: 'ada', grants: {} }));
  callers.enter('one', shown);
  const stream = { ...asked, path: 'lock.watch', type: 'subscription' } as const;
  const relay = new AbortController();
  await callers.call('one', stream, relay.signal);
  await callers.call('one', stream, new AbortController().signal);
  relay.abort();
  expect(ends.map((signal) => signal?.aborted)).toEqual([true, false]);
  callers.leave('one');
  expect(ends.map((signal) => signal?.aborted)).toEqual([true, true]);
});

test('Q15 what is still open of a caller that has left has the rights of nobody', async () => {
  const { callers, state } = judgedBy(async () => ({ id: 'ada', grants: {} }));
  callers.enter('one', shown);
  expect(await callers.call('one', asked, undefined)).toBe('ada');
  callers.leave('one');
  await new Promise((resolve) => setImmediate(resolve));
  expect([...state.identities.values()]).toMatchObject([{ id: 'ada', expiresAt: 0 }]);
});

test('Q15 a caller that a relay is known to have is not dropped for what its relay owes', async () => {
  const { callers, state, closed } = judgedBy(async () => ({ id: 'ada', grants: {} }));
  callers.enter('one', shown);
  state.relayWaitMs = 60_000;
  callers.enter('one', { ...shown, token: 'another' });
  expect(() => callers.enter('two', shown)).toThrow('has to wait');
  state.relayWaitMs = 0;
  expect(await callers.call('one', asked, undefined)).toBe('ada');
  expect(closed.map(({ aborted }) => aborted)).toEqual([false]);
});

test('Q16 a token that could not be judged is judged again with a later call, once a second', async () => {
  let judged = 0;
  let isAway = true;
  const { callers, state, closed } = judgedBy(async () => {
    judged += 1;
    if (isAway) throw new RefusalError('UNAVAILABLE', 'the key set is away');
    return { id: 'ada', grants: {} };
  });
  const call = () => callers.call('one', asked, undefined);
  callers.enter('one', shown);
  for (let time = 0; time < 3; time += 1) await expect(call()).rejects.toThrow('away');
  expect(judged).toBe(1);
  state.time = 1_000;
  for (let time = 0; time < 3; time += 1) await expect(call()).rejects.toThrow('away');
  expect(judged).toBe(2);
  isAway = false;
  state.time = 2_000;
  expect(await call()).toBe('ada');
  // Whatever place it had was given back, for the one that it has now.
  expect(closed.map(({ aborted }) => aborted)).toEqual([true, true, false]);
  isAway = true;
  callers.enter('one', { ...shown, token: 'another' });
  await expect(call()).rejects.toThrow('away');
  isAway = false;
  await expect(call()).rejects.toThrow('away');
  state.time = 3_000;
  expect(await call()).toBe('ada');
  expect([judged, closed.length]).toEqual([5, 3]);
});

test('Q16 a caller that was refused a place upstream has one once there is one, on the same connection', async () => {
  const origin = await startGuarded({ maxConnectionsPerCaller: 1 });
  const relay = await startRelay(origin);
  const token = await tokenFor({ '*': 'editor' }, { sub: 'ada' });
  const first = await openRaw(relay.url, { headers: { authorization: `Bearer ${token}` } });
  const second = wsClient(relay.url, { token });
  first.send({ id: 1, method: 'query', params: { path: 'campaign.history', input } });
  await first.answer(1);
  expect(await refusal(second.campaign.history.query(input))).toMatchObject({ reason: 'RATE_LIMITED', limit: 1 });
  first.socket.terminate();
  await until(() =>
    second.campaign.history.query(input).then(
      () => true,
      () => false,
    ),
  );
});
