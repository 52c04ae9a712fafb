import { expect, test } from 'vitest';
import { createMemoryStore } from '../../../server/archive/memory-archive.ts';
import { createMemoryArchive } from '../../../server/index.ts';
import type { Archive } from '../../../server/index.ts';
import { rawSocket, watch, wsClient } from '../support/clients.ts';
import { CAMPAIGN, startServer, until } from '../support/server.ts';

/** An archive whose commits wait until they are released. */
function withHeldCommits(archive: Archive): { archive: Archive; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    archive: { ...archive, commit: async (parts) => promise.then(() => archive.commit(parts)) },
    release: resolve,
  };
}

test('H7 a shutdown answers pending calls, notifies clients, closes with 1012, and commits all accepted entries', async () => {
  const store = createMemoryStore();
  const { archive, release } = withHeldCommits(createMemoryArchive({ store }));
  const server = await startServer({ archive });
  const raw = await rawSocket(server.url);
  const client = wsClient(server.url);
  await client.campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Accepted' } });
  const durable = client.campaign.update.mutate({
    campaignId: CAMPAIGN,
    updates: { title: 'Durable' },
    durability: 'durable',
  });
  const stream = await fetch(`${server.url}/trpc/campaign.watch`);
  const streamed = stream.text().catch(() => 'cut');
  await until(() => server.service.stats().archive.backlogEntries === 2);

  const closing = server.close();
  expect(server.close()).toBe(closing);
  await until(() =>
    fetch(`${server.url}/readyz`).then(
      () => false,
      () => true,
    ),
  );
  release();
  expect(await durable).toMatchObject({ durability: 'durable', version: 3 });
  expect(await closing).toBe(true);

  await until(() => raw.code !== undefined);
  expect([raw.code, raw.reason]).toEqual([1012, 'the server restarts']);
  expect(raw.messages).toContainEqual({ id: null, method: 'reconnect' });
  // A stream with a regular end would tell the stock client that it is complete.
  expect(await streamed).not.toContain('event: return');
  expect(await createMemoryArchive({ store }).load(CAMPAIGN, 0)).toMatchObject({
    head: { version: 3 },
    state: { title: 'Durable' },
  });
});

test('H7 a shutdown reports that not all accepted entries could be committed in time', async () => {
  const archive = createMemoryArchive();
  const server = await startServer({ archive: { ...archive, commit: () => Promise.reject(new Error('away')) } });
  await wsClient(server.url).campaign.update.mutate({ campaignId: CAMPAIGN, updates: { title: 'Lost' } });
  const startedAt = performance.now();
  expect(await server.close()).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

test('H7 a client resumes with the entries that it missed when the server is back on the same port', async () => {
  const store = createMemoryStore();
  const options = { archive: createMemoryArchive({ store }) };
  const first = await startServer(options);
  const watching = watch(wsClient(first.url), { campaignId: CAMPAIGN });
  await until(() => watching.events.length > 0);
  await first.close();

  const second = await startServer({ archive: createMemoryArchive({ store }), port: first.port });
  const caller = { identity: { id: 'editor', grants: { '*': 'editor' as const } }, correlationId: 'test' };
  for (const title of ['A', 'B', 'C'])
    await second.service.mutate(caller, CAMPAIGN, { type: 'update', updates: { title } }, {});
  await until(() => watching.mirror.version === 4);
  expect(watching.mirror.snapshots).toEqual(['start']);
  expect([watching.error, watching.completed]).toEqual([undefined, false]);
});
