import { expect, test } from 'vitest';
import { appRouter } from '../../../server/api/procedures/router.ts';
import { httpClient, rawSocket, refusal, type Message } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor } from '../support/server.ts';

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
