import { expect, test, vi } from 'vitest';
import { systemClock } from '../../client-sdk/src/clock.ts';
import { CampaignError } from '../../client-sdk/src/index.ts';
import { createMemoryArchive } from '../../server/archive/index.ts';
import { CAMPAIGN } from './support/server.ts';
import { client, later, live, proxyOf, server, WAIT } from './support/world.ts';

test('K1 a campaign is live while someone subscribes: a snapshot, then every change', async () => {
  const { url } = await server();
  const reader = client(url).campaign('spring');
  expect(reader.getSnapshot()).toMatchObject({ status: 'pending', state: {}, version: 0 });
  later(reader.subscribe(() => undefined));
  await vi.waitFor(
    () => expect(reader.getSnapshot()).toMatchObject({ status: 'success', state: CAMPAIGN, version: 1 }),
    WAIT,
  );

  const receipt = await client(url).campaign('spring').update({ title: 'Summer' });
  expect(receipt).toMatchObject({ campaignId: 'spring', version: 2, changed: true });
  await vi.waitFor(() => expect(reader.getSnapshot()).toMatchObject({ version: 2, state: { title: 'Summer' } }), WAIT);
});

test('K2 without an id it is the default campaign, on the one stream', async () => {
  const { url, service } = await server();
  const made = client(url);
  const unnamed = made.campaign();
  const early = unnamed.update({ title: 'Early' });
  await live(unnamed);
  await live(made.campaign('spring'));
  expect(await early).toMatchObject({ campaignId: 'spring' });
  expect(await early.durable).toMatchObject({ durability: 'durable', mutationId: early.mutationId });
  expect(unnamed.getSnapshot()).toBe(made.campaign('spring').getSnapshot());
  expect(unnamed.getSnapshot().state.title).toBe('Early');
  expect(service.stats().subscribers).toBe(1);
  expect(made.campaign()).toBe(unnamed);
});

test('K3 many subscribers are one subscription, which ends a grace period after the last one', async () => {
  const { url, service } = await server();
  const campaign = client(url, { releaseAfterMs: 300 }).campaign('spring');
  const leave = Array.from({ length: 20 }, () => campaign.subscribe(() => undefined));
  await vi.waitFor(() => expect(campaign.getSnapshot().status).toBe('success'), WAIT);
  expect(service.stats().subscribers).toBe(1);

  let snapshots = 0;
  for (const stop of leave) stop();
  const stop = campaign.subscribe(() => (snapshots += campaign.getSnapshot().recentEntries.length === 0 ? 1 : 0));
  await campaign.update({ title: 'Still here' });
  await vi.waitFor(() => expect(campaign.getSnapshot().recentEntries).toHaveLength(1), WAIT);
  expect(service.stats().subscribers).toBe(1);

  stop();
  await vi.waitFor(() => expect(service.stats().subscribers).toBe(0), WAIT);
});

test('K4 an edit is shown before update returns, and is a copy', async () => {
  const { url } = await server();
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const updates = { ui_content: { banner: 'New' } };
  const change = campaign.update(updates);
  expect(campaign.getSnapshot()).toMatchObject({
    version: 1,
    state: { ui_content: { banner: 'New', cta: 'Join' } },
    sync: { pendingCount: 1 },
  });
  updates.ui_content.banner = 'Changed by the app';
  expect(campaign.getSnapshot().state.ui_content?.banner).toBe('New');
  await change;
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ version: 2, sync: { pendingCount: 0 } }), WAIT);
  expect(campaign.getSnapshot().state.ui_content?.banner).toBe('New');
});

test('K5 a refused edit is taken out alone, says why, and crashes nothing', async () => {
  const { url } = await server();
  const campaign = client(url).campaign('spring');
  await live(campaign);
  void campaign.update({ description: 'kept' });
  const bad = campaign.update({ status: 'no such status' as 'draft', title: 'Never' });
  void campaign.update({ owner_id: 'kept too' });
  expect(campaign.getSnapshot().state.title).toBe('Never');

  const error = await bad.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CampaignError);
  expect(error).toMatchObject({ reason: 'INVALID', retryable: false, path: ['status'] });
  await expect(bad.durable).rejects.toBe(error);
  await vi.waitFor(() => expect(campaign.getSnapshot().version).toBe(3), WAIT);
  expect(campaign.getSnapshot().state).toMatchObject({ title: 'Spring', description: 'kept', owner_id: 'kept too' });
  expect(campaign.getSnapshot().sync.rejected).toMatchObject([
    { mutationId: bad.mutationId, error: { reason: 'INVALID' } },
  ]);
  campaign.dismiss(bad.mutationId);
  expect(campaign.getSnapshot().sync.rejected).toEqual([]);
});

test('K5 what cannot be sent is refused at once', async () => {
  const { url, service } = await server();
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const before = service.stats().mutations;
  await expect(campaign.update({ n: Number.NaN })).rejects.toMatchObject({ reason: 'INVALID', path: ['n'] });
  await expect(campaign.update({ about: { text: 'x'.repeat(600_000) } })).rejects.toMatchObject({
    reason: 'TOO_LARGE',
    limit: 524_288,
  });
  await expect(campaign.updateConfig('theme', { a: () => 1 } as never)).rejects.toMatchObject({
    reason: 'INVALID',
    path: ['theme', 'a'],
  });
  expect(campaign.getSnapshot()).toMatchObject({ version: 1, state: CAMPAIGN, sync: { unsavedCount: 0 } });
  expect(campaign.getSnapshot().sync.rejected).toHaveLength(3);
  expect(service.stats().mutations).toBe(before);
});

test('K6 durable, and saved, only once the archive has committed', async () => {
  const archive = createMemoryArchive();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const { url } = await server({
    archive: {
      ...archive,
      async commit(parts) {
        await held;
        return archive.commit(parts);
      },
    },
  });
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const change = campaign.update({ title: 'Summer' });
  let durable = false;
  void change.durable.then(() => (durable = true));
  expect(await change).toMatchObject({ durability: 'accepted' });
  await vi.waitFor(
    () =>
      expect(campaign.getSnapshot()).toMatchObject({
        version: 2,
        sync: { state: 'saving', pendingCount: 0, unsavedCount: 1 },
      }),
    WAIT,
  );
  expect(durable).toBe(false);

  release();
  expect(await change.durable).toMatchObject({ version: 2, durability: 'durable' });
  await vi.waitFor(
    () =>
      expect(campaign.getSnapshot()).toMatchObject({ durableVersion: 2, sync: { state: 'saved', unsavedCount: 0 } }),
    WAIT,
  );
  await campaign.whenDurable();
});

test('K6 without an archive the state is volatile, and durable rejects', async () => {
  const { url } = await server({ archive: 'none' });
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const change = campaign.update({ title: 'Summer' });
  expect(await change).toMatchObject({ durability: 'none' });
  await expect(change.durable).rejects.toMatchObject({ reason: 'UNAVAILABLE', retryable: false });
  expect(campaign.getSnapshot().sync).toMatchObject({ state: 'volatile', unsavedCount: 0 });
});

test('K7 what is made in one go travels together, in order', async () => {
  const { url, service } = await server();
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const pushes: number[] = [];
  const push = service.push.bind(service);
  vi.spyOn(service, 'push').mockImplementation((caller, id, mutations) => {
    pushes.push(mutations.length);
    return push(caller, id, mutations);
  });
  const receipts = await Promise.all(Array.from({ length: 50 }, (_, n) => campaign.update({ counter: n })));
  expect(receipts.map(({ version }) => version)).toEqual(Array.from({ length: 50 }, (_, n) => n + 2));
  expect(pushes).toEqual([50]);
});

test('K8 a mutation whose reply is lost is applied once, in order, with the right receipt', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  const campaign = client(proxy.url).campaign('spring');
  await live(campaign);

  const before = started.service.stats().mutations;
  proxy.dropReplies();
  const first = campaign.update({ counter: 1 });
  await vi.waitFor(() => expect(started.service.stats().mutations).toBe(before + 1), WAIT);
  const second = campaign.update({ counter: 2 });
  proxy.restore();
  proxy.cut();

  expect(await first).toMatchObject({ version: 2, changed: true, mutationId: first.mutationId });
  expect(await second).toMatchObject({ version: 3, changed: true });
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ version: 3, state: { counter: 2 } }), WAIT);
});

test('K9 forced disconnects during 200 changes leave neither gap nor duplicate', async () => {
  const started = await server();
  const proxy = await proxyOf(started);
  // Without luck in its delays, which would grow with every cut.
  const reader = client(proxy.url, { clock: { ...systemClock, random: () => 0 } }).campaign('spring');
  const versions: number[] = [];
  const snapshots: number[] = [];
  later(
    reader.subscribe(() => {
      const { recentEntries, version } = reader.getSnapshot();
      if (recentEntries.length === 0 && version > 0) snapshots.push(version);
      for (const entry of recentEntries) if (entry.version > (versions.at(-1) ?? 1)) versions.push(entry.version);
    }),
  );
  await vi.waitFor(() => expect(reader.getSnapshot().status).toBe('success'), WAIT);

  const writer = client(started.url).campaign('spring');
  for (let n = 0; n < 200; n += 1) {
    await writer.update({ counter: n });
    if (n % 40 === 20) proxy.cut();
    // The handle remembers a hundred entries: the test has to look now and then.
    if (n % 40 === 39) await vi.waitFor(() => expect(reader.getSnapshot().version).toBe(n + 2), WAIT);
  }
  await vi.waitFor(() => expect(reader.getSnapshot()).toMatchObject({ version: 201, state: { counter: 199 } }), WAIT);
  expect(versions).toEqual(Array.from({ length: 200 }, (_, n) => n + 2));
  expect(new Set(snapshots)).toEqual(new Set([1]));
  expect(proxy.connections()).toBeGreaterThan(5);
});

test('K11 a batch is one entry, and a rollback comes after what was made before it', async () => {
  const { url } = await server();
  const campaign = client(url).campaign('spring');
  await live(campaign);
  const change = campaign.batch((batch) => {
    batch.update({ title: 'Summer' }).updateFeatures(['polls'], 'add').updateConfig('theme', { accent: 'red' });
  });
  expect(campaign.getSnapshot().state).toMatchObject({
    title: 'Summer',
    features: ['referral', 'polls'],
    theme: { accent: 'red' },
  });
  expect(await change).toMatchObject({ version: 2 });
  void campaign.updateFeatures([], 'set');
  expect(await campaign.rollback(1)).toMatchObject({ version: 4, changed: true });
  await vi.waitFor(() => expect(campaign.getSnapshot()).toMatchObject({ version: 4, state: CAMPAIGN }), WAIT);
});

test('K13 close ends everything, and what was pending rejects', async () => {
  const { url } = await server();
  const made = client(url);
  const campaign = made.campaign('spring');
  await live(campaign);
  const change = campaign.update({ title: 'Too late' });
  made.close();
  await expect(change).rejects.toMatchObject({ reason: 'UNAVAILABLE', retryable: false });
  expect(made.connection.getSnapshot().status).toBe('closed');
  await expect(campaign.update({ title: 'Later' })).rejects.toMatchObject({ reason: 'UNAVAILABLE' });
});

test('K1 an unknown campaign is an error that names it', async () => {
  const { url } = await server();
  const campaign = client(url).campaign('nowhere');
  later(campaign.subscribe(() => undefined));
  await vi.waitFor(
    () => expect(campaign.getSnapshot()).toMatchObject({ status: 'error', error: { reason: 'NOT_FOUND' }, state: {} }),
    WAIT,
  );
});
