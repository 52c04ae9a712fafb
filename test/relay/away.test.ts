import { expect, test } from 'vitest';
import { errorDataOf, refusal, watch, wsClient, type Client } from '../api/support/clients.ts';
import { CAMPAIGN, cleanUp, startGuarded, tokenFor, until } from '../api/support/server.ts';
import { temporaryFolder } from '../start/support/processes.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { relayKey, startRelay } from './support/relay.ts';

const input = { campaignId: CAMPAIGN };
const admin = (): Promise<string> => tokenFor({ '*': 'admin' });

async function behindProxy(options: Parameters<typeof startRelay>[1] = {}) {
  const origin = await startGuarded();
  const proxy = await openTcpProxy(origin.port);
  cleanUp(() => proxy.close());
  const relay = await startRelay(proxy, options);
  return { origin, proxy, relay };
}

function titled(client: Client, title: string) {
  return client.campaign.update.mutate({ ...input, updates: { title } });
}

function isStale({ events }: ReturnType<typeof watch>): boolean {
  const last = events.findLast(({ type }) => type !== 'durable');
  return last !== undefined && last.type !== 'durable' && last.stale === true;
}

test('Q5 upstream away: reads and streams go on, and say so; changes are refused as UNAVAILABLE; then it goes on', async () => {
  const { origin, proxy, relay } = await behindProxy();
  const token = await admin();
  const [there, here] = [wsClient(origin.url, { token }), wsClient(relay.url, { token })];
  const watching = watch(here, { ...input, receipts: true });
  await until(() => watching.events.length > 0);
  proxy.sever();
  await until(() => isStale(watching));
  expect(await here.campaign.get.query(input)).toMatchObject({ version: 1 });
  const late = watch(here, input);
  await until(() => isStale(late));
  expect(late.events[0]).toMatchObject({ type: 'snapshot', stale: true });
  expect(await refusal(titled(here, 'No'))).toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
  const ready = await fetch(`${relay.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({ status: 'degraded', log: { reading: { cause: 'upstream' } } });
  for (const title of ['one', 'two', 'three']) await titled(there, title);
  proxy.restore();
  await until(() => watching.mirror.version === 4 && !isStale(watching) && !isStale(late));
  expect(watching.mirror.snapshots).toEqual(['start']);
  expect(await titled(here, 'Yes')).toMatchObject({ changed: true });
  expect([watching.error, late.error]).toEqual([undefined, undefined]);
});

test('Q5 a link that stands still is given up, and made again', async () => {
  const { origin, proxy, relay } = await behindProxy();
  const token = await admin();
  const watching = watch(wsClient(relay.url, { token }), input);
  await until(() => watching.events.length > 0);
  proxy.freeze();
  await titled(wsClient(origin.url, { token }), 'Unheard');
  await until(() => isStale(watching));
  proxy.restore();
  await until(() => watching.mirror.version === 2 && !isStale(watching));
  expect(watching.mirror.snapshots).toEqual(['start']);
});

test('Q5 a mutation whose answer is lost is sent again under its id, and made once', async () => {
  const { origin, proxy, relay } = await behindProxy();
  const token = await admin();
  const here = wsClient(relay.url, { token });
  await here.campaign.get.query(input);
  proxy.dropReplies();
  const lost = here.campaign.update.mutate({ ...input, updates: { title: 'Once' }, mutationId: 'm1' });
  const failed = lost.then(
    () => undefined,
    (error: unknown) => errorDataOf(error),
  );
  expect(await failed).toMatchObject({ reason: 'UNAVAILABLE', retryable: true });
  proxy.restore();
  await until(() => relay.isUp);
  const receipt = await here.campaign.update.mutate({ ...input, updates: { title: 'Once' }, mutationId: 'm1' });
  expect(receipt).toMatchObject({ version: 2 });
  expect((await wsClient(origin.url, { token }).campaign.history.query(input)).items).toHaveLength(2);
});

test('Q6 an origin that has lost changes ends the epoch here too', async () => {
  const { createMemoryArchive, createMemoryStore } = await import('../../server/index.ts');
  const store = createMemoryStore();
  const first = await startGuarded({ archive: createMemoryArchive({ store }) });
  let target = first.port;
  const proxy = await openTcpProxy(() => target);
  cleanUp(() => proxy.close());
  const relay = await startRelay(proxy);
  const token = await admin();
  const watching = watch(wsClient(relay.url, { token }), input);
  await until(() => watching.events.length > 0);
  await titled(wsClient(first.url, { token }), 'Two');
  await until(() => watching.mirror.version === 2);
  const before = watching.mirror.epoch;
  // It did not stop in order: what it had accepted last may be gone, and the epoch ends.
  const second = await startGuarded({ archive: createMemoryArchive({ store }) });
  target = second.port;
  proxy.cut();
  await titled(wsClient(second.url, { token }), 'Three');
  await until(() => watching.mirror.content.state['title'] === 'Three');
  expect(watching.mirror.epoch).not.toBe(before);
  expect(watching.error).toBeUndefined();
});

test('Q7 with a folder a relay starts without its upstream, with what it has last seen', async () => {
  const relayDir = await temporaryFolder();
  const { origin, proxy, relay } = await behindProxy({ relayDir });
  const token = await admin();
  const here = wsClient(relay.url, { token });
  const seen = watch(here, input);
  await titled(here, 'Kept');
  await until(() => seen.mirror.version === 2);
  const resumeAt = seen.mirror.resumeId;
  await relay.close();
  proxy.sever();
  const again = await startRelay(proxy, { relayDir, key: await relayKey() });
  expect(again.isUp).toBe(false);
  const client = wsClient(again.url, { token });
  expect(await client.campaign.get.query(input)).toMatchObject({ version: 2, state: { title: 'Kept' } });
  expect(await refusal(client.campaign.get.query({ campaignId: 'secret' }))).toMatchObject({ reason: 'UNAVAILABLE' });
  const watching = watch(client, { ...input, lastEventId: resumeAt ?? '' });
  await until(() => isStale(watching));
  await titled(wsClient(origin.url, { token }), 'Newer');
  proxy.restore();
  await until(() => watching.events.some((event) => event.type === 'entries' && event.entries.length > 0));
  expect(watching.events.filter(({ type }) => type === 'snapshot')).toEqual([]);
  await until(() => !isStale(watching));
});

test('Q8 a campaign that is deleted ends on a relay, and its id begins anew', async () => {
  const { origin, relay } = await behindProxy();
  const token = await admin();
  const [there, here] = [wsClient(origin.url, { token }), wsClient(relay.url, { token })];
  const watching = watch(here, input);
  await until(() => watching.events.length > 0);
  await here.campaign.delete.mutate({ ...input, now: true });
  await until(() => watching.error !== undefined);
  expect(errorDataOf(watching.error)).toMatchObject({ reason: 'NOT_FOUND', deletedAt: expect.any(Number) });
  await until(async () => {
    const outcome = await there.campaign.create
      .mutate({ ...input, state: { slug: CAMPAIGN, title: 'Again' } })
      .catch(() => undefined);
    return outcome !== undefined;
  });
  expect(await here.campaign.get.query(input)).toMatchObject({ version: 1, state: { title: 'Again' } });
});
