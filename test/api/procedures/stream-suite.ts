import { describe, expect, test } from 'vitest';
import type { WatchEvent } from '../../../server/core/stream/events.ts';
import type { CampaignServer, CampaignServerOptions } from '../../../server/index.ts';
import { streamMirror } from '../../support/stream-mirror.ts';
import { openTcpProxy } from '../../support/tcp-proxy.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import { rawSocket, errorDataOf, textOf, watch, wsClient } from '../support/clients.ts';
import { CAMPAIGN, cleanUp, SECRET, startGuarded, startServer, tokenFor, until } from '../support/server.ts';
import { openEvents } from '../support/sse.ts';

const caller = { identity: { id: 'editor', grants: { '*': 'editor' as const } }, correlationId: 'test' };

/** Changes the campaign from inside, `count` times, giving the event loop its turn in between. */
async function edit({ service }: CampaignServer, count: number, from = 1): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    await service.mutate(caller, CAMPAIGN, { type: 'update', updates: { description: `change ${index}` } }, {});
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function throughProxy({ port }: CampaignServer): Promise<TcpProxy> {
  const proxy = await openTcpProxy(port);
  cleanUp(() => proxy.close());
  return proxy;
}

/** Open connections, as the metrics have them. */
async function connections({ url }: CampaignServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^campaign_state_connections\{.*\} (\d+)$/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

/**
 * The live stream is the same whichever way it takes to the socket.
 *
 * @param through what stands between the server and its clients: the server as these see it
 */
export function describeStream(
  fanOut: 'rooms' | 'iterator',
  through: (server: CampaignServer, options: CampaignServerOptions) => Promise<CampaignServer> = async (server) =>
    server,
): void {
  const start = async (given: CampaignServerOptions = {}): Promise<CampaignServer> => {
    const options = { fanOut, ...given };
    return through(await startServer(options), options);
  };
  const startWithTokens = async (given: CampaignServerOptions = {}): Promise<CampaignServer> => {
    const options = { fanOut, auth: { kind: 'secret', secret: SECRET } as const, ...given };
    return through(await startGuarded(options), options);
  };

  test('S1 a snapshot, then each change; the default campaign where none is named', async () => {
    const server = await start();
    const client = wsClient(server.url);
    const named = watch(client, { campaignId: CAMPAIGN });
    const unnamed = watch(client);
    await until(() => named.events.length > 0 && unnamed.events.length > 0);
    expect(named.events[0]).toMatchObject({ type: 'snapshot', reason: 'start', state: { title: 'Spring' } });
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'New' } });
    await client.campaign.updateFeatures.mutate({ campaignId: CAMPAIGN, features: ['faq'], action: 'add' });
    await until(() => named.mirror.version === 3 && unnamed.mirror.version === 3);
    expect(named.mirror.content.state).toMatchObject({ title: 'New', features: ['referral', 'faq'] });
    expect(unnamed.mirror.content).toEqual(named.mirror.content);
    expect([named.error, unnamed.error]).toEqual([undefined, undefined]);
  });

  test('S2 repeated disconnects during 200 changes: no gap, no duplicate (G1)', async () => {
    const server = await start();
    const proxy = await throughProxy(server);
    const watching = watch(wsClient(proxy.url), { campaignId: CAMPAIGN, receipts: true });
    await until(() => watching.events.length > 0);
    const edited = edit(server, 200);
    for (let cuts = 0; cuts < 5; cuts += 1) {
      const { version } = watching.mirror;
      await until(() => watching.mirror.version >= Math.min(version + 20, 201));
      proxy.cut();
    }
    await edited;
    await until(() => watching.mirror.version === 201);
    expect(watching.error).toBeUndefined();
    expect(watching.mirror.entries).toBe(200);
    expect(watching.mirror.snapshots).toEqual(['start']);
    expect(watching.mirror.content.state).toMatchObject({ description: 'change 200' });
    expect(proxy.connections()).toBeGreaterThan(5);
  });

  test('S3 the same over SSE, with Last-Event-ID', async () => {
    const server = await start();
    const proxy = await throughProxy(server);
    const mirror = streamMirror();
    let edited = Promise.resolve();
    let connections = 0;
    while (mirror.version < 201) {
      connections += 1;
      const headers = mirror.resumeId === undefined ? {} : { 'last-event-id': mirror.resumeId };
      const events = openEvents(
        `${proxy.url}/trpc/campaign.watch?input=${encodeURIComponent(JSON.stringify({ campaignId: CAMPAIGN }))}`,
        headers,
      );
      let taken = 0;
      for await (const { event, id, data } of events) {
        if (event !== undefined || id === undefined) continue;
        // What the stock client makes of it, too.
        mirror.take({ resumeId: id, event: JSON.parse(data) as WatchEvent });
        if (mirror.entries === 0) edited = edit(server, 200);
        if ((taken += 1) === 30 || mirror.version === 201) proxy.cut();
      }
    }
    await edited;
    expect(connections).toBeGreaterThan(2);
    expect(mirror.entries).toBe(200);
    expect(mirror.snapshots).toEqual(['start']);
  });

  describe('S4 ended subscriptions leave nothing behind', () => {
    test('S4 1,000 stopped subscriptions', async () => {
      const server = await start();
      const raw = await rawSocket(server.url);
      for (let batch = 0; batch < 20; batch += 1) {
        const ids = Array.from({ length: 50 }, (_, index) => batch * 50 + index + 1);
        for (const id of ids)
          raw.send({ id, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
        // Half of them are stopped while they are still joining.
        for (const id of ids.filter((even) => even % 2 === 0)) raw.send({ id, method: 'subscription.stop' });
        for (const id of ids.filter((odd) => odd % 2 === 1)) {
          await raw.answer(id, ({ result }) => result?.type === 'data');
          raw.send({ id, method: 'subscription.stop' });
        }
        await Promise.all(ids.map((id) => raw.answer(id, ({ result }) => result?.type === 'stopped')));
        raw.messages.length = 0;
      }
      await until(() => server.service.stats().subscribers === 0);
      // The limit of subscriptions counts those that are open: after 1,000 there is room.
      raw.send({
        id: 5_000,
        method: 'subscription',
        params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } },
      });
      await raw.answer(5_000, ({ result }) => result?.type === 'data');
    });

    test('S4 a subscription stopped before its socket is admitted', async () => {
      const server = await startWithTokens();
      const raw = await rawSocket(server.url, { query: '?connectionParams=1' });
      raw.send({ method: 'connectionParams', data: { token: await tokenFor({ '*': 'viewer' }) } });
      raw.send({ id: 1, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
      raw.send({ id: 1, method: 'subscription.stop' });
      await raw.answer(1, ({ result }) => result?.type === 'stopped');
      await until(() => server.service.stats().subscribers === 0);
    });

    test('S4 subscriptions whose socket closes, some before they started', async () => {
      const server = await start();
      for (let round = 0; round < 20; round += 1) {
        const raw = await rawSocket(server.url);
        for (let id = 1; id <= 20; id += 1) {
          raw.send({ id, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
        }
        if (round % 2 === 0) await raw.answer(20, ({ result }) => result?.type === 'data');
        raw.socket.terminate();
      }
      await until(async () => server.service.stats().subscribers === 0 && (await connections(server)) === 0);
    });

    test('S4 subscriptions under a request id in use', async () => {
      const server = await start();
      const raw = await rawSocket(server.url);
      const message = {
        id: 1,
        method: 'subscription',
        params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } },
      };
      raw.send(message);
      await raw.answer(1, ({ result }) => result?.type === 'data');
      for (let index = 0; index < 100; index += 1) raw.send(message);
      await until(() => raw.messages.filter((text) => JSON.stringify(text).includes('Duplicate id')).length === 100);
      expect(server.service.stats().subscribers).toBe(1);
      raw.send({ id: 2, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
      await raw.answer(2, ({ result }) => result?.type === 'data');
    });

    test('S4 SSE streams whose client disconnects', async () => {
      const server = await start();
      for (let round = 0; round < 20; round += 1) {
        const controller = new AbortController();
        const url = `${server.url}/trpc/campaign.watch`;
        const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: controller.signal });
        await response.body?.getReader().read();
        controller.abort();
      }
      await until(async () => server.service.stats().subscribers === 0 && (await connections(server)) === 0);
    });
  });

  test('S5 a watermark does not move the resume position', async () => {
    const server = await start();
    const proxy = await throughProxy(server);
    const watching = watch(wsClient(proxy.url), { campaignId: CAMPAIGN, receipts: true });
    await until(() => watching.events.length > 0);
    for (let round = 1; round <= 5; round += 1) {
      await edit(server, 3, round * 10);
      // The last thing it hears before the cut is the watermark; the mirror throws where that would be a position of
      // its own.
      await until(
        () => watching.mirror.durable === watching.mirror.version && watching.mirror.version === 1 + round * 3,
      );
      proxy.cut();
    }
    await edit(server, 1, 100);
    await until(() => watching.mirror.version === 17);
    expect(watching.error).toBeUndefined();
    expect(watching.events.some(({ type }) => type === 'durable')).toBe(true);
    expect(watching.mirror.snapshots).toEqual(['start']);
  });

  test('S6 a refused subscription is a typed error, and the socket stays open', async () => {
    const { url } = await startWithTokens();
    const client = wsClient(url, { token: await tokenFor({ [CAMPAIGN]: 'editor' }) });
    const watching = watch(client, { campaignId: 'secret' });
    await until(() => watching.error !== undefined);
    expect(errorDataOf(watching.error)).toMatchObject({ code: 'FORBIDDEN', reason: 'FORBIDDEN', retryable: false });
    await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'On' } });
  });

  test('S7 a client that does not read costs bounded memory, and resumes with one snapshot', async () => {
    const server = await start();
    const raw = await rawSocket(server.url);
    const mirror = streamMirror();
    raw.socket.on('message', (data) => {
      const { result } = JSON.parse(textOf(data));
      if (result?.type === 'data') mirror.take({ resumeId: result.id, event: result.data.data });
    });
    raw.send({ id: 1, method: 'subscription', params: { path: 'campaign.watch', input: { campaignId: CAMPAIGN } } });
    await until(() => mirror.version === 1);
    raw.socket.pause();
    const text = 'x'.repeat(8_000);
    for (let index = 0; index < 2_000; index += 1) {
      await server.service.mutate(
        caller,
        CAMPAIGN,
        { type: 'update', updates: { description: `${index} ${text}` } },
        {},
      );
      // One event each: what changes within one turn of the event loop would be sent as one.
      await new Promise((resolve) => setImmediate(resolve));
    }
    raw.socket.resume();
    await until(() => mirror.version === 2_001);
    // Of 16 MB only what the two sockets hold came as entries; the rest was never put into memory for this reader.
    expect(mirror.entries).toBeLessThan(1_500);
    expect(mirror.snapshots.slice(1)).toContain('slow');
    expect(mirror.content.state).toMatchObject({ description: `1999 ${text}` });
  });

  test('S8 statistics at once and every second, refused without a token', async () => {
    const { url } = await startWithTokens({ publicRead: true });
    const admin = wsClient(url, { token: await tokenFor({ '*': 'viewer' }) });
    const seen: unknown[] = [];
    admin.system.stats.subscribe(undefined, { onData: (stats) => seen.push(stats) });
    await until(() => seen.length >= 2);
    expect(seen[0]).toMatchObject({ campaigns: expect.any(Number), archive: { backlogEntries: 0, failing: false } });
    let refused: unknown;
    wsClient(url).system.stats.subscribe(undefined, { onError: (error) => (refused = error) });
    await until(() => refused !== undefined);
    expect(errorDataOf(refused)).toMatchObject({ reason: 'FORBIDDEN' });
  });

  test('S8 the trace has entries and refusals with payloads, for admins alone', async () => {
    const { url } = await startWithTokens();
    const admin = wsClient(url, { token: await tokenFor({ '*': 'admin' }) });
    const editor = wsClient(url, { token: await tokenFor({ '*': 'editor' }) });
    const seen: unknown[] = [];
    let started = false;
    admin.system.trace.subscribe(undefined, { onStarted: () => (started = true), onData: (event) => seen.push(event) });
    await until(() => started);
    await editor.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Seen' }, mutationId: 'm1' });
    await editor.campaign.update
      .mutate({ campaignId: CAMPAIGN, updates: { title: 5 }, mutationId: 'm2' })
      .catch(() => undefined);
    await until(() => seen.length === 2);
    expect(seen).toMatchObject([
      {
        outcome: 'accepted',
        mutationId: 'm1',
        actor: 'ada',
        command: { updates: { title: 'Seen' } },
        entry: { version: 2 },
      },
      { outcome: 'rejected', mutationId: 'm2', refusal: { reason: 'INVALID', path: ['title'] } },
    ]);
    let refused: unknown;
    editor.system.trace.subscribe(undefined, { onError: (error) => (refused = error) });
    await until(() => refused !== undefined);
    expect(errorDataOf(refused)).toMatchObject({ reason: 'FORBIDDEN' });
  });
}
