import { expect, test } from 'vitest';
import type { ListEvent } from '../../../server/core/stream/list-events.ts';
import { refusal, wsClient, type Client } from '../support/clients.ts';
import { CAMPAIGN, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';

type ListInput = Parameters<Client['campaign']['watchList']['subscribe']>[0];

function watchList(client: Client, input?: ListInput): { events: ListEvent[]; error: unknown; stop(): void } {
  const list = { events: new Array<ListEvent>(), error: undefined as unknown, stop: () => subscription.unsubscribe() };
  const subscription = client.campaign.watchList.subscribe(input, {
    onData: (event) => void list.events.push(event),
    onError: (error) => (list.error = error),
  });
  return list;
}

test('P24 the live list is a page, then what changes on it', async () => {
  const server = await startServer();
  const client = wsClient(server.url);
  const [all, one] = [watchList(client), watchList(client, { campaignIds: ['later'], limit: 1 })];
  await until(() => all.events.length > 0 && one.events.length > 0);
  expect(all.events[0]).toMatchObject({
    type: 'page',
    campaigns: [{ campaignId: 'secret' }, { campaignId: CAMPAIGN }],
  });
  expect(one.events[0]).toEqual({ type: 'page', campaigns: [] });
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Renamed' } });
  await client.campaign.create.mutate({ campaignId: 'later', state: { slug: 'later', title: 'Later' } });
  await until(() => JSON.stringify(all.events).includes('Renamed') && JSON.stringify(all.events).includes('Later'));
  await until(() => one.events.length > 1);
  expect(one.events[1]).toMatchObject({ type: 'changes', changed: [{ campaignId: 'later', title: 'Later' }] });
  expect([all.error, one.error]).toEqual([undefined, undefined]);
  all.stop();
  one.stop();
});

test('P25 the same over SSE, by the rights of its caller, and refused where the input is not valid', async () => {
  const server = await startGuarded();
  const token = await tokenFor({ [CAMPAIGN]: 'viewer' });
  const events = openEvents(`${server.url}/trpc/campaign.watchList`, { authorization: `Bearer ${token}` });
  for await (const { event, data } of events) {
    if (event !== undefined) continue;
    const page: ListEvent = JSON.parse(data);
    expect(page).toMatchObject({ type: 'page', campaigns: [{ campaignId: CAMPAIGN }] });
    break;
  }
  const client = wsClient(server.url, { token: await tokenFor({ '*': 'viewer' }) });
  const list = watchList(client, { campaignIds: ['%'] });
  await until(() => list.error !== undefined);
  expect(await refusal(Promise.reject(list.error))).toMatchObject({ reason: 'INVALID', path: ['campaignIds', 0] });
});

test('P55 a list is searched and read by offset over the wire; a cursor goes with the order of ids alone', async () => {
  const server = await startServer();
  const client = wsClient(server.url);
  const found = watchList(client, { search: CAMPAIGN.toUpperCase(), sort: 'updated', offset: 0, limit: 1 });
  await until(() => found.events.length > 0);
  expect(found.events[0]).toMatchObject({ type: 'page', campaigns: [{ campaignId: CAMPAIGN }], total: 1 });
  found.stop();
  expect(await client.campaign.list.query({ archived: true, offset: 0 })).toMatchObject({ items: [], total: 0 });
  for (const input of [
    { cursor: 'a', offset: 1 },
    { cursor: 'a', sort: 'title' as const },
  ])
    expect(await refusal(client.campaign.list.query(input))).toMatchObject({ reason: 'INVALID', path: ['cursor'] });
  expect(await refusal(client.campaign.list.query({ search: 'x'.repeat(129) }))).toMatchObject({ path: ['search'] });
  expect(await refusal(client.campaign.list.query({ offset: -1 }))).toMatchObject({ path: ['offset'] });
});
