import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../../server/core/presence/presence.ts';
import type { PresenceWatchEvent, WatchEvent } from '../../../server/core/stream/events.ts';
import type { MergedEvent } from '../../../server/api/procedures/subscriptions/merged-subscription.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { httpClient, refusal, wsClient, type Client } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';

const campaignId = CAMPAIGN;

/** What a watch brings. */
interface WatchItem {
  readonly id: string;
  readonly data: WatchEvent | PresenceWatchEvent;
}

/** The ids of those who are there, as a client is told. */
function watchIds(client: Client): () => string[] {
  const ids = new Set<string>();
  const onData = (event: PresenceEvent): void => {
    if (event.type === 'all') ids.clear();
    for (const { id } of event.type === 'all' ? event.members : event.changed) ids.add(id);
    for (const id of event.type === 'changes' ? event.removed : []) ids.delete(id);
  };
  const { unsubscribe } = client.presence.watch.subscribe({ campaignId }, { onData });
  cleanUp(unsubscribe);
  return () => [...ids].sort();
}

describe('the procedures of presence', () => {
  test('J80 editors see each other, where they are, and that a socket has closed', async () => {
    const { url, port } = await startGuarded();
    const proxy = await openTcpProxy(port);
    cleanUp(() => proxy.close());
    const ada = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'ada' }) });
    const bob = wsClient(proxy.url, { token: await tokenFor({ '*': 'editor' }, { sub: 'bob' }) });
    const seen = watchIds(ada);
    watchIds(bob);
    await until(() => seen().join() === 'ada,bob');
    await bob.presence.set.mutate({ campaignId, focus: ['title'], data: { mood: 'busy' } });
    proxy.sever();
    await until(() => seen().join() === 'ada');
  });

  test('J81 bad input names its field, and a place is set by a connection that watches', async () => {
    const { url } = await startGuarded();
    const token = await tokenFor({ '*': 'editor' });
    const { presence } = wsClient(url, { token });
    const data = { text: 'x'.repeat(2_048) };
    expect(await refusal(presence.set.mutate({ campaignId, data }))).toMatchObject({
      reason: 'INVALID',
      path: ['data'],
    });
    expect(await refusal(presence.set.mutate({ campaignId, focus: ['x'.repeat(129)] }))).toMatchObject({
      path: ['focus', 0],
    });
    expect(await refusal(presence.set.mutate({ campaignId }))).toMatchObject({ reason: 'NOT_FOUND' });
    expect(await refusal(httpClient(url, token).presence.set.mutate({ campaignId }))).toMatchObject({
      reason: 'NOT_FOUND',
    });
  });

  test.each(['rooms', 'iterator'] as const)(
    'J120 presence rides on a watch that asks for it, behind its first event, and moves its resume point nowhere (%s)',
    async (fanOut) => {
      const { url } = await startGuarded({ fanOut });
      const client = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'ada' }) });
      const other = wsClient(url, { token: await tokenFor({ '*': 'editor' }, { sub: 'bob' }) });
      const [asked, silent]: [WatchItem[], WatchItem[]] = [[], []];
      const watching = client.campaign.watch.subscribe(
        { campaignId, presence: true },
        { onData: (item) => asked.push(item) },
      );
      cleanUp(client.campaign.watch.subscribe({ campaignId }, { onData: (item) => silent.push(item) }).unsubscribe);
      const told = () => asked.flatMap(({ data }) => (data.type === 'presence' ? [data.presence] : []));
      await until(() => told().length > 0 && silent.length > 0);
      expect(asked.map(({ data }) => data.type).slice(0, 2)).toEqual(['snapshot', 'presence']);
      expect(told()[0]).toMatchObject({ type: 'all', members: [{ id: 'ada' }], more: 0 });

      const seen = watchIds(other);
      await until(() => JSON.stringify(told()).includes('"bob"') && seen().join() === 'ada,bob');
      await other.campaign.update.mutate({ campaignId, updates: { title: 'Ridden' } });
      await until(() => JSON.stringify(asked).includes('Ridden') && JSON.stringify(silent).includes('Ridden'));
      await client.presence.set.mutate({ campaignId, focus: ['title'] });
      await until(() => JSON.stringify(told()).includes('"focus"'));
      let position = '';
      for (const { id, data } of asked) {
        if (data.type === 'presence') expect(id).toBe(position);
        position = id;
      }
      expect(silent.some(({ data }) => data.type === 'presence')).toBe(false);

      // Who ends the watch is not there any more, though its socket stays.
      watching.unsubscribe();
      await until(() => seen().join() === 'bob');
    },
  );

  test('J120 presence rides on a stream over http that asks for it, and not on the one beside it', async () => {
    const { url } = await startGuarded();
    const token = await tokenFor({ '*': 'viewer' });
    const input = encodeURIComponent(JSON.stringify({ streams: [{ campaignId, presence: true }, { campaignId }] }));
    const events: MergedEvent[] = [];
    const headers = { authorization: `Bearer ${token}` };
    const reading = (async () => {
      for await (const { event, data } of openEvents(`${url}/trpc/campaign.watchMany?input=${input}`, headers))
        if (event === undefined) events.push(JSON.parse(data));
    })();
    reading.catch(() => undefined);
    await until(() => events.length >= 3);
    const presence = events.flatMap((event) => ('event' in event && event.event.type === 'presence' ? [event] : []));
    expect(presence.map(({ index }) => index)).toEqual([0]);
    // An audience is told counts alone.
    expect(presence[0]?.event).toMatchObject({ presence: { type: 'all', members: [] } });
  });
});
