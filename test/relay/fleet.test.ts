import { expect, test } from 'vitest';
import { rawSocket, watch, wsClient } from '../api/support/clients.ts';
import { metric } from '../support/metric.ts';
import { CAMPAIGN, cleanUp, startGuarded, startServer, tokenFor, until } from '../api/support/server.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { startRelay } from './support/relay.ts';

/** Nobody is moved before it has been connected for half a minute. */
const LONG = 600_000;

test(
  'Q52 relays of a fleet even out: clients of the one that has more than its share move to the other, without a snapshot',
  async () => {
    const origin = await startServer();
    const options = { auth: { kind: 'none' }, key: undefined, fleet: 'eu' } as const;
    const [first, second] = [await startRelay(origin, options), await startRelay(origin, options)];
    const alone = await startRelay(origin, { ...options, fleet: undefined });
    // As after a restart of the second: all clients are at the first.
    let target = first.port;
    const balancer = await openTcpProxy(() => target);
    cleanUp(() => balancer.close());
    const watchings = Array.from({ length: 24 }, () => watch(wsClient(balancer.url), { campaignId: CAMPAIGN }));
    const elsewhere = Array.from({ length: 24 }, () => watch(wsClient(alone.url), { campaignId: CAMPAIGN }));
    await until(() => [...watchings, ...elsewhere].every(({ events }) => events.length > 0));
    target = second.port;
    // Its share is twelve, and a tenth of it and eight are let be.
    await until(() => second.stats().subscribers >= 2);
    const writer = wsClient(origin.url);
    await writer.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Moved' } });
    await until(() => watchings.every(({ mirror }) => mirror.content.state['title'] === 'Moved'));
    expect(watchings.map(({ mirror }) => mirror.snapshots)).toEqual(watchings.map(() => ['start']));
    expect(watchings.map(({ error }) => error)).toEqual(watchings.map(() => undefined));
    const moved = (url: string): Promise<number> => metric(url, 'clients_moved_total');
    expect([await moved(first.url), await moved(second.url), await moved(alone.url)]).toEqual([2, 0, 0]);
  },
  LONG,
);

test('Q51 who may relay one campaign alone says nothing of a fleet', async () => {
  const origin = await startGuarded();
  const report = async (grants: Parameters<typeof tokenFor>[0]) => {
    const raw = await rawSocket(origin.url, { headers: { authorization: `Bearer ${await tokenFor(grants)}` } });
    raw.send({
      id: 1,
      method: 'query',
      params: { path: 'relay.fleet', input: { fleet: 'eu', member: 'one', connections: 1 } },
    });
    return raw.answer(1);
  };
  expect(await report({ [CAMPAIGN]: 'relay' })).toMatchObject({ error: { data: { reason: 'FORBIDDEN' } } });
  expect(await report({ '*': 'relay' })).toMatchObject({ result: { data: { members: 1, connections: 1 } } });
});
