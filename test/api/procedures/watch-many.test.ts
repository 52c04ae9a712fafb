import { expect, test } from 'vitest';
import type { MergedEvent } from '../../../server/api/procedures/subscriptions/merged-subscription.ts';
import { refusal, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';

/** Reads a stream of several campaigns over SSE, until it ends. */
function readMany(url: string, streams: readonly object[], token?: string) {
  const read = { events: new Array<MergedEvent>(), end: undefined as string | undefined };
  const input = encodeURIComponent(JSON.stringify({ streams }));
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  async function follow(): Promise<void> {
    for await (const { event, data } of openEvents(`${url}/trpc/campaign.watchMany?input=${input}`, headers)) {
      if (event === undefined) read.events.push(JSON.parse(data));
      else if (event === 'serialized-error') read.end = data;
    }
  }
  follow().catch(() => undefined);
  return read;
}

test('S9 one stream of several campaigns brings what a stream of each would, by the place of each', async () => {
  const server = await startServer();
  const client = wsClient(server.url);
  const read = readMany(server.url, [{ campaignId: 'nowhere' }, { campaignId: 'secret' }, {}]);
  await until(() => read.events.length === 3);
  const first = read.events.toSorted((a, b) => a.index - b.index);
  expect(first).toMatchObject([
    {
      index: 0,
      error: { message: expect.stringContaining('nowhere'), data: { reason: 'NOT_FOUND', httpStatus: 404 } },
    },
    { index: 1, event: { type: 'snapshot', reason: 'start' } },
    { index: 2, event: { type: 'snapshot', state: { slug: CAMPAIGN } } },
  ]);
  for (const title of ['One', 'Two']) {
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title } });
    await until(() => JSON.stringify(read.events).includes(title));
  }
  const newest = read.events.at(-1);
  expect(newest).toMatchObject({ index: 2, event: { type: 'entries', entries: [{ change: { title: 'Two' } }] } });

  // It is resumed by its own position, with what has come since.
  const [, , snapshot] = first;
  const lastEventId = snapshot && 'id' in snapshot ? snapshot.id : '';
  const resumed = readMany(server.url, [{ campaignId: 'secret' }, { campaignId: CAMPAIGN, lastEventId }]);
  await until(() => JSON.stringify(resumed.events).includes('Two'));
  const ours = resumed.events.filter(({ index }) => index === 1);
  expect(JSON.stringify(ours)).toContain('One');
  expect(JSON.stringify(ours)).not.toContain('snapshot');
});

test('S9 where none is left, the last refusal is that of the stream; more than 32 are refused', async () => {
  const server = await startGuarded();
  const token = await tokenFor({ [CAMPAIGN]: 'viewer' }, { seconds: 5 });
  const read = readMany(server.url, [{ campaignId: 'secret' }, { campaignId: CAMPAIGN }], token);
  await until(() => read.events.length === 2);
  expect(read.events.find(({ index }) => index === 0)).toMatchObject({ error: { data: { reason: 'FORBIDDEN' } } });
  await until(() => read.end !== undefined);
  expect(JSON.parse(read.end ?? '')).toMatchObject({ data: { reason: 'UNAUTHORIZED' } });

  const client = wsClient(server.url, { token: await tokenFor({ '*': 'viewer' }) });
  const ask = (streams: number) =>
    refusal(
      new Promise((_, reject) => {
        client.campaign.watchMany.subscribe(
          { streams: Array.from({ length: streams }, () => ({ campaignId: CAMPAIGN })) },
          { onError: reject },
        );
      }),
    );
  expect(await ask(33)).toMatchObject({ reason: 'TOO_LARGE', path: ['streams'], limit: 32 });
});
