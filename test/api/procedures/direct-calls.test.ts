import { expect, test } from 'vitest';
import { appRouter } from '../../../server/api/procedures/router.ts';
import { httpClient, rawSocket, refusal, type Message } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { metric } from '../../support/metric.ts';

const call = (method: 'query' | 'mutation' | 'subscription', path: string, input?: unknown) => ({
  method,
  params: { path, ...(input !== undefined && { input }) },
});

/** Calls of each kind of outcome, in one order. */
const CALLS = [
  call('query', 'system.info'),
  call('mutation', 'campaign.update', { campaignId: CAMPAIGN, updates: { title: 'New' }, mutationId: 'one' }),
  call('mutation', 'campaign.update', { campaignId: CAMPAIGN, updates: { title: 'New' }, mutationId: 'one' }),
  call('mutation', 'campaign.update', {
    campaignId: CAMPAIGN,
    updates: { title: 'Other' },
    dryRun: true,
    mutationId: 'two',
  }),
  call('mutation', 'campaign.update', {
    campaignId: CAMPAIGN,
    updates: { title: 'x' },
    expectedVersion: 99,
    mutationId: 'three',
  }),
  call('mutation', 'campaign.update', { campaignId: CAMPAIGN, updates: 5 }),
  call('mutation', 'campaign.update'),
  call('query', 'campaign.get', { campaignId: CAMPAIGN }),
  call('query', 'campaign.get', { campaignId: 'missing' }),
  call('mutation', 'campaign.get', { campaignId: CAMPAIGN }),
  call('query', 'campaign.nothing'),
  call('query', 'campaign.list'),
  call('mutation', 'session.authenticate', { token: 'not a token' }),
  call('query', 'access.list'),
  call('subscription', 'campaign.watch', { campaignId: CAMPAIGN }),
  call('subscription', 'campaign.watch', { campaignId: 5 }),
];

/** What differs from one server, and one call, to the next. */
const VOLATILE = new Set([
  'correlationId',
  'instance',
  'position',
  'epoch',
  'resumeId',
  'id',
  'at',
  'updatedAt',
  'hash',
]);

function stable(message: unknown): unknown {
  const text = JSON.stringify(message, (key, value: unknown) =>
    VOLATILE.has(key) && typeof value !== 'object' ? typeof value : value,
  );
  return JSON.parse(text.replaceAll(/[\w-]{12}:\d+/g, 'position'));
}

async function answersOf(calls: 'direct' | 'trpc'): Promise<unknown[]> {
  const { url } = await startServer({ calls });
  const raw = await rawSocket(url);
  const answers: unknown[] = [];
  for (const [index, frame] of CALLS.entries()) {
    const id = index + 1;
    raw.send({ id, ...frame });
    await raw.answer(id, ({ result }) => result?.type !== 'started');
    answers.push(raw.messages.filter((message) => (message as Message).id === id).map(stable));
  }
  return answers;
}

test('P54 each outcome of a call is the same with and without the middlewares of tRPC', async () => {
  expect(await answersOf('direct')).toEqual(await answersOf('trpc'));
});

/** Frames that are sent one after the other, each when so many messages have come. */
const FRAMES: readonly (readonly [frame: string | Buffer, messages: number])[] = [
  ['PING', 1],
  ['not json', 2],
  ['{}', 3],
  ['{"id":null,"method":"query","params":{"path":"system.info"}}', 4],
  ['{"id":1,"method":"other","params":{"path":"system.info"}}', 5],
  ['{"id":1,"jsonrpc":"1.0","method":"query","params":{"path":"system.info"}}', 6],
  ['{"id":"one","jsonrpc":"2.0","method":"query","params":{"path":"system.info"}}', 7],
  ['{"id":1,"method":"query","params":{"path":"toString"}}', 8],
  ['{"id":12345678901234567890,"method":"query","params":{"path":"system.info"}}', 9],
  [Buffer.from([1, 2, 3]), 10],
  // Started, and the snapshot.
  [
    '{"id":2,"jsonrpc":"2.0","method":"subscription","params":{"path":"campaign.watch","input":{"campaignId":"spring"}}}',
    12,
  ],
  ['{"id":2,"method":"subscription","params":{"path":"campaign.watch","input":{"campaignId":"spring"}}}', 13],
  ['{"id":2,"method":"subscription.stop"}', 14],
  ['{"id":2,"method":"subscription.stop"}', 14],
  // Its id is free again.
  ['{"id":2,"method":"subscription","params":{"path":"campaign.watch"}}', 16],
  ['{"id":3,"method":"subscription","params":{"path":"campaign.watch","input":{"campaignId":"missing"}}}', 19],
  ['{"id":4,"method":"subscription","params":{"path":"campaign.watch","lastEventId":"nonsense"}}', 21],
];

test('P54 nor are the messages of the protocol, for frames of every kind', async () => {
  const answers = await Promise.all(
    (['direct', 'trpc'] as const).map(async (calls) => {
      const { url } = await startServer({ calls });
      const raw = await rawSocket(url);
      for (const [frame, messages] of FRAMES) {
        raw.socket.send(frame);
        await until(() => raw.messages.length >= messages);
      }
      return raw.messages.map(stable);
    }),
  );
  expect(answers[0]).toEqual(answers[1]);
});

test('P54 a subscription that is stopped before it began does not begin', async () => {
  const { url } = await startServer();
  const raw = await rawSocket(url);
  const viewers = (): Promise<number> => metric(url, 'subscribers');
  for (let id = 1; id <= 20; id += 1) {
    raw.send([
      { id, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } },
      { id, method: 'subscription.stop' },
    ]);
  }
  await raw.answer(20, ({ result }) => result?.type === 'stopped');
  await until(async () => (await viewers()) === 0);
});

test('P54 no procedure is left to the middlewares of tRPC', async () => {
  const procedures: Readonly<Record<string, unknown>> = appRouter._def.procedures;
  for (const [path, procedure] of Object.entries(procedures))
    expect(`${path} ${String(procedure)}`).toContain('directCalls');
});

test.each(['direct', 'trpc'] as const)(
  'P54 who is not admitted is refused before the input is parsed (%s)',
  async (calls) => {
    const { url } = await startGuarded({ calls });
    // The input is wrong as well.
    const input = { campaignId: 5 } as unknown as { campaignId: string };
    expect(await refusal(httpClient(url).campaign.get.query(input))).toMatchObject({ reason: 'UNAUTHORIZED' });
    const token = await tokenFor({ '*': 'viewer' });
    expect(await refusal(httpClient(url, token).campaign.get.query(input))).toMatchObject({
      reason: 'INVALID',
      path: ['campaignId'],
    });
  },
);
