import { describe, expect, test } from 'vitest';
import type { PresenceEvent } from '../../../server/core/presence/presence.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import { httpClient, refusal, wsClient, type Client } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../support/server.ts';

const campaignId = CAMPAIGN;

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
});
