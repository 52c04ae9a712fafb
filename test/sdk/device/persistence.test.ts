// @vitest-environment jsdom
import { expect, test, vi } from 'vitest';
import { clientOn } from '../../../client-sdk/src/client.ts';
import type { OutboxStorage } from '../../../client-sdk/src/device/device-storage.ts';
import { createSnapshotCache, type SeenCampaign } from '../../../client-sdk/src/device/snapshot-cache.ts';
import type { StoredMutation } from '../../../client-sdk/src/sync/pending.ts';
import { createMemoryCampaign } from '../../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink } from '../../../client-sdk/src/testing/memory-link.ts';
import { browser, campaign, clock, settle, tabOf } from '../support/device.ts';
import { later, WAIT } from '../support/world.ts';

test('K16 what was made offline survives the page, and the next one sends it, in order, under its ids', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device);
  await vi.waitFor(() => expect(first.handle.getSnapshot().status).toBe('success'), WAIT);
  first.link.drop();
  const ids = [1, 2, 3].map((counter) => first.handle.update({ counter }).mutationId);
  await settle();
  first.crash();
  expect(server.history()).toHaveLength(1);

  const second = tabOf(server, device);
  const own = second.handle.update({ title: 'Own' });
  // Shown as soon as they are known, before anything is sent.
  await vi.waitFor(() => expect(second.handle.getSnapshot().state).toMatchObject({ counter: 3, title: 'Own' }), WAIT);
  await own;
  await vi.waitFor(() => expect(server.history()).toHaveLength(5), WAIT);
  const history = server.history().map(({ mutationId }) => mutationId);
  expect(history.filter((id) => ids.includes(id))).toEqual(ids);
  server.commit();
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
  await settle();
  expect(device.kept.size).toBe(0);
});

test('K16 accepted and not yet durable stays on the device, and is applied once', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device);
  const { mutationId } = await first.handle.update({ counter: 1 });
  await settle();
  expect([...device.kept.values()].flat().map(({ mutation }) => mutation.mutationId)).toEqual([mutationId]);
  first.crash();

  const second = tabOf(server, device);
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.unsavedCount).toBe(1), WAIT);
  server.commit();
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
  expect(server.history()).toHaveLength(2);
});

test('K16 an open tab keeps its own edits; when it is closed, the leader takes over', async () => {
  const server = campaign();
  const device = browser();
  const leader = tabOf(server, device);
  const other = tabOf(server, device);
  await settle();
  other.link.drop();
  void other.handle.update({ counter: 1 });
  clock.advance(60_000);
  await settle();
  expect(leader.handle.getSnapshot().sync.unsavedCount).toBe(0);
  expect(server.history()).toHaveLength(1);

  other.crash();
  await vi.waitFor(() => {
    clock.advance(15_000);
    expect(server.history()).toHaveLength(2);
  }, WAIT);
  expect(leader.handle.getSnapshot().state).toMatchObject({ counter: 1 });
});

test('K16 another user’s edits stay where they are', async () => {
  const server = campaign();
  const device = browser();
  const hers = tabOf(server, device, 'server#anna');
  hers.link.drop();
  void hers.handle.update({ title: 'Anna' });
  await settle();
  hers.crash();
  const his = tabOf(server, device, 'server#ben');
  await his.handle.update({ counter: 1 });
  clock.advance(60_000);
  await settle();
  expect(server.content().state.title).toBe('Spring');
  expect(device.kept.size).toBeGreaterThan(0);
});

test('K224 an edit that asks is not sent by the next page either before somebody else’s is known, and stays a conflict over reloads', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device, 'server', { onConflict: 'ask' });
  await vi.waitFor(() => expect(first.handle.getSnapshot().status).toBe('success'), WAIT);
  await vi.waitFor(() => {
    clock.advance(1_000);
    expect(device.lastSeen.size).toBeGreaterThan(0);
  }, WAIT);
  first.link.drop();
  const { mutationId } = first.handle.update({ title: 'mine' });
  await vi.waitFor(() => expect(device.kept.size).toBeGreaterThan(0), WAIT);
  first.crash();
  const theirs = { type: 'update', updates: { title: 'theirs' } } as const;
  server.mutate({ mutationId: 'theirs', command: theirs }, { id: 'other', role: 'editor' });

  for (let page = 0; page < 2; page += 1) {
    const next = tabOf(server, device, 'server', { onConflict: 'ask' });
    await vi.waitFor(
      () =>
        expect(next.handle.getSnapshot().sync.conflicts).toMatchObject([
          { mutationId, theirs: 'theirs', mine: 'mine' },
        ]),
      WAIT,
    );
    await settle();
    expect(server.content().state.title).toBe('theirs');
    expect(next.handle.getSnapshot().state.title).toBe('mine');
    if (page === 1) next.handle.resolveConflict(mutationId, 'mine');
    else next.crash();
  }
  await vi.waitFor(() => expect(server.content().state.title).toBe('mine'), WAIT);
});

test('K17 no more than a thousand edits wait', async () => {
  const { handle, link } = tabOf(campaign(), browser());
  link.drop();
  for (let n = 0; n < 1_000; n += 1) void handle.update({ counter: n });
  await expect(handle.update({ counter: 1_000 })).rejects.toMatchObject({ reason: 'OVERLOADED', limit: 1_000 });
  expect(handle.getSnapshot().sync.unsavedCount).toBe(1_000);
});

test('K17 the browser asks before leaving only while an edit exists nowhere else', async () => {
  const asks = () => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
  const server = campaign();
  const link = createMemoryLink({
    campaign: server,
    actor: { id: 'me', role: 'editor' },
    clock,
    toServer: (deliver) => queueMicrotask(deliver),
    toClient: (deliver) => queueMicrotask(deliver),
  });
  const client = clientOn(link.connection, clock, 1_000, { warnBeforeLeaving: true });
  later(client.close);
  expect(asks()).toBe(false);
  link.drop();
  const change = client.campaign('spring').update({ counter: 1 });
  expect(asks()).toBe(true);
  link.reconnect();
  await change;
  expect(asks()).toBe(false);

  const kept = tabOf(server, browser());
  await settle();
  kept.link.drop();
  void kept.handle.update({ counter: 2 });
  await settle();
  expect(asks()).toBe(false);
});

test('K225 an edit that gives way does so after a reload, too, as long as it was never sent', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device, 'server', { onConflict: 'theirs' });
  await first.handle.update({ title: 'Seen', note: 'seen' });
  server.commit();
  await vi.waitFor(() => expect(first.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
  clock.advance(1_000);
  await settle();
  first.link.drop();
  void first.handle.update({ title: 'Mine' });
  void first.handle.update({ title: 'Mine again', note: 'mine' });
  await settle();
  first.crash();
  server.mutate(
    { mutationId: 'theirs', command: { type: 'update', updates: { title: 'Theirs' } } },
    { id: 'other', role: 'editor' },
  );

  const second = tabOf(server, device, 'server', { onConflict: 'theirs' });
  await vi.waitFor(() => expect(server.content().state).toMatchObject({ title: 'Theirs', note: 'mine' }), WAIT);
  server.commit();
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
  const { state, sync } = second.handle.getSnapshot();
  expect(state).toMatchObject({ title: 'Theirs', note: 'mine' });
  expect(sync.rejected.map(({ error, command }) => [error.reason, command])).toEqual([
    ['CONFLICT', { type: 'update', updates: { title: 'Mine' } }],
  ]);
  await vi.waitFor(() => expect(device.kept.size).toBe(0), WAIT);
});

test('K225 what may have been sent stays, and the device knows what that is', async () => {
  const server = campaign();
  const device = browser();
  const kept: (readonly StoredMutation[])[] = [];
  const storage: OutboxStorage = {
    ...device.storage,
    set(key, mutations) {
      kept.push(structuredClone(mutations));
      return device.storage.set(key, mutations);
    },
  };
  const first = tabOf(server, { ...device, storage }, 'server', { onConflict: 'theirs' });
  await vi.waitFor(() => expect(first.handle.getSnapshot().version).toBe(1), WAIT);
  first.link.drop();
  void first.handle.update({ title: 'Mine' });
  await vi.waitFor(() => expect(kept.at(-1)?.map(({ isUnsent }) => isUnsent)).toEqual([true]), WAIT);
  server.rejectNext({ reason: 'UNAVAILABLE', message: 'for now', retryable: true });
  first.link.reconnect();
  await vi.waitFor(() => expect(kept.at(-1)?.map(({ isUnsent }) => isUnsent)).toEqual([undefined]), WAIT);
  first.crash();
  server.mutate(
    { mutationId: 'theirs', command: { type: 'update', updates: { title: 'Theirs' } } },
    { id: 'other', role: 'editor' },
  );
  const second = tabOf(server, device, 'server', { onConflict: 'theirs' });
  await vi.waitFor(() => expect(server.content().state['title']).toBe('Mine'), WAIT);
  await vi.waitFor(
    () => expect(second.handle.getSnapshot().sync.overwritten).toMatchObject([{ theirs: 'Theirs' }]),
    WAIT,
  );
});

test('K27 a page without the server shows what was last seen, marked as stale, and resumes from there with entries', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device);
  await first.handle.update({ title: 'Seen', counter: 1 });
  await vi.waitFor(() => expect(first.handle.getSnapshot().version).toBe(2), WAIT);
  clock.advance(1_000);
  await settle();
  first.link.drop();
  void first.handle.update({ offline: true });
  await settle();
  first.crash();
  server.mutate(
    { mutationId: 'meanwhile', command: { type: 'update', updates: { title: 'Meanwhile' } } },
    { id: 'other', role: 'editor' },
  );

  const second = tabOf(server, device);
  second.link.drop();
  expect(second.handle.getSnapshot()).toMatchObject({ status: 'pending', isStale: false });
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.unsavedCount).toBe(2), WAIT);
  expect(second.handle.getSnapshot()).toMatchObject({
    status: 'success',
    isStale: true,
    version: 2,
    state: { title: 'Seen', counter: 1, offline: true },
    sync: { state: 'waiting' },
  });
  second.link.reconnect();
  await vi.waitFor(
    () =>
      expect(second.handle.getSnapshot()).toMatchObject({
        isStale: false,
        state: { title: 'Meanwhile', offline: true },
      }),
    WAIT,
  );
  // Not a snapshot, which would have brought no entries.
  expect(second.handle.getSnapshot().recentEntries.map(({ version }) => version)).toEqual([3, 4]);
});

test('K27 without an id it is the last known default campaign, until the server says which it is', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device);
  later(first.client.campaign().subscribe(() => undefined));
  await vi.waitFor(() => expect(first.client.campaign().getSnapshot().version).toBe(1), WAIT);
  clock.advance(1_000);
  await settle();
  first.crash();

  const second = tabOf(server, device);
  second.link.drop();
  const unnamed = second.client.campaign();
  let told = 0;
  later(unnamed.subscribe(() => (told += 1)));
  await vi.waitFor(
    () =>
      expect(unnamed.getSnapshot()).toMatchObject({ campaignId: 'spring', isStale: true, state: { title: 'Spring' } }),
    WAIT,
  );
  expect(told).toBeGreaterThan(0);
  void unnamed.update({ counter: 1 });
  expect(unnamed.getSnapshot().state).toMatchObject({ counter: 1 });

  // Meanwhile it is another one: everybody moves there, and the edit stays with what its maker saw.
  const other = createMemoryCampaign('autumn', { slug: 'autumn', title: 'Autumn' }, clock.now);
  const third = tabOf(other, device);
  const moved = third.client.campaign();
  later(moved.subscribe(() => undefined));
  await vi.waitFor(
    () =>
      expect(moved.getSnapshot()).toMatchObject({ campaignId: 'autumn', isStale: false, state: { title: 'Autumn' } }),
    WAIT,
  );
  second.link.reconnect();
  await vi.waitFor(() => expect(server.content().state).toMatchObject({ counter: 1 }), WAIT);
});

test('K27 what this user may not see any more is removed; other users see nothing of it', async () => {
  const device = browser();
  const first = tabOf(campaign(), device);
  await vi.waitFor(() => expect(first.handle.getSnapshot().version).toBe(1), WAIT);
  clock.advance(1_000);
  await settle();
  expect([...device.lastSeen.keys()]).toEqual(['server/spring']);
  first.crash();

  const his = tabOf(campaign(), device, 'server#ben');
  his.link.drop();
  await settle();
  expect(his.handle.getSnapshot().status).toBe('pending');

  const refused = tabOf(createMemoryCampaign('autumn', { slug: 'autumn', title: 'Autumn' }, clock.now), device);
  await vi.waitFor(() => expect(refused.handle.getSnapshot().error?.reason).toBe('NOT_FOUND'), WAIT);
  await vi.waitFor(() => expect(device.lastSeen.has('server/spring')).toBe(false), WAIT);
});

test('K27 the newest twenty campaigns are kept', async () => {
  const { seen, lastSeen } = browser();
  const seenAt = (n: number): SeenCampaign => ({
    campaignId: `c${n}`,
    isDefault: false,
    epoch: 'e',
    version: n,
    durableVersion: n,
    state: { slug: 's', title: 'S' },
    resumeId: `e:${n}`,
    seenAt: n,
  });
  const open = () => createSnapshotCache({ scope: 'server', storage: seen, clock });
  const cache = open();
  for (let n = 1; n <= 25; n += 1) {
    cache.write(`c${n}`, () => seenAt(n));
    clock.advance(1_000);
    await settle();
  }
  expect([...lastSeen.values()].map(({ campaignId }) => campaignId)).toEqual(
    Array.from({ length: 20 }, (_, index) => `c${index + 6}`),
  );
  // Over visits too.
  const next = open();
  expect(await next.read('c6')).toMatchObject({ version: 6 });
  next.write('c26', () => seenAt(26));
  next.close();
  await settle();
  expect(lastSeen.has('server/c6')).toBe(false);
  expect(lastSeen.size).toBe(20);
});

test('K28 a logout leaves nothing of this user on the device, and another user’s alone', async () => {
  const device = browser();
  const hers = tabOf(campaign(), device, 'server#anna');
  const his = tabOf(campaign(), device, 'server#ben');
  for (const { handle, link } of [hers, his]) {
    await vi.waitFor(() => expect(handle.getSnapshot().version).toBe(1), WAIT);
    link.drop();
    void handle.update({ counter: 1 });
  }
  clock.advance(1_000);
  await settle();
  expect([device.kept.size, device.lastSeen.size]).toEqual([2, 2]);
  void hers.handle.update({ counter: 2 });
  await hers.client.forget();
  clock.advance(1_000);
  await settle();
  expect([...device.kept.keys(), ...device.lastSeen.keys()].every((key) => key.startsWith('server#ben/'))).toBe(true);
  expect([device.kept.size, device.lastSeen.size]).toEqual([1, 1]);
  expect(hers.client.connection.getSnapshot().status).toBe('closed');
});

test('K28 after a logout in one tab, the others of this user write nothing to the device any more, and say so', async () => {
  const device = browser();
  const server = campaign();
  const [first, second] = [tabOf(server, device, 'server#anna'), tabOf(server, device, 'server#anna')];
  const his = tabOf(server, device, 'server#ben');
  for (const { handle } of [first, second, his])
    await vi.waitFor(() => expect(handle.getSnapshot().version).toBe(1), WAIT);
  second.link.drop();
  void second.handle.update({ counter: 1 });
  clock.advance(1_000);
  await settle();
  expect(second.handle.getSnapshot().sync).toMatchObject({ storage: 'ok', pageOnlyCount: 0 });
  await first.client.forget();
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.storage).toBe('failing'), WAIT);
  void second.handle.update({ counter: 2 });
  clock.advance(60_000);
  await settle();
  expect([...device.kept.keys(), ...device.lastSeen.keys()].filter((key) => key.startsWith('server#anna'))).toEqual([]);
  expect(second.handle.getSnapshot().sync.pageOnlyCount).toBe(2);
  expect(his.handle.getSnapshot().sync.storage).toBe('ok');
  second.client.close();
  his.client.close();
  expect([...device.channels.values()].reduce((open, { size }) => open + size, 0)).toBe(0);
});

test('K28 after a logout the former handles show nothing of what they knew', async () => {
  const tab = tabOf(campaign(), browser());
  await vi.waitFor(() => expect(tab.handle.getSnapshot().version).toBe(1), WAIT);
  tab.client.close();
  // What was shown stays, as a closed client cannot know better.
  expect(tab.handle.getSnapshot()).toMatchObject({ status: 'error', state: { title: 'Spring' } });
  await tab.client.forget();
  expect(tab.handle.getSnapshot()).toMatchObject({ status: 'error', state: {}, version: 0, recentEntries: [] });
});
