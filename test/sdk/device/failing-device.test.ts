// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clientOn } from '../../../client-sdk/src/client.ts';
import type { Device } from '../../../client-sdk/src/device/device.ts';
import type { StoredMutation } from '../../../client-sdk/src/sync/pending.ts';
import { browser, campaign, clock, settle, tabOf } from '../support/device.ts';
import { later, WAIT } from '../support/world.ts';

const asks = () => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
const never = () => new Promise<never>(() => {});

beforeEach(() => vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterEach(() => vi.restoreAllMocks());

/** Lets what hangs pass its deadlines. */
async function pass(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 1_000) {
    clock.advance(1_000);
    await settle();
  }
}

test('K200 an edit that the device does not take exists only in the page: leaving asks, and the write is retried', async () => {
  const server = campaign();
  const device = browser();
  const works = device.storage.set;
  let fails = true;
  const storage = {
    ...device.storage,
    set: (key: string, value: readonly StoredMutation[]) =>
      fails ? Promise.reject(new Error('QuotaExceededError')) : works(key, value),
  };
  const tab = tabOf(server, { ...device, storage });
  await vi.waitFor(() => expect(tab.handle.getSnapshot().status).toBe('success'), WAIT);
  expect(tab.handle.getSnapshot().sync).toMatchObject({ storage: 'ok', pageOnlyCount: 0 });
  tab.link.drop();
  void tab.handle.update({ title: 'precious' });
  await settle();
  expect(tab.handle.getSnapshot().sync).toMatchObject({ storage: 'failing', pageOnlyCount: 1, pendingCount: 1 });
  expect(asks()).toBe(true);

  fails = false;
  await pass(20_000);
  expect(tab.handle.getSnapshot().sync).toMatchObject({ storage: 'ok', pageOnlyCount: 0, pendingCount: 1 });
  expect(asks()).toBe(false);
  tab.crash();
  const next = tabOf(server, device);
  await vi.waitFor(() => expect(next.handle.getSnapshot().state.title).toBe('precious'), WAIT);
});

test('K200 on a failing device, leaving asks until the server has the edit', async () => {
  const server = campaign();
  const device = browser();
  const tab = tabOf(server, {
    ...device,
    storage: { ...device.storage, set: () => Promise.reject(new Error('full')) },
  });
  await vi.waitFor(() => expect(tab.handle.getSnapshot().status).toBe('success'), WAIT);
  const change = tab.handle.update({ counter: 1 });
  expect(asks()).toBe(true);
  await change;
  expect(asks()).toBe(false);
});

test('K201 edits of a closed tab are applied though edits of this one have been accepted before they are taken over', async () => {
  const server = campaign();
  const device = browser();
  const first = tabOf(server, device);
  await vi.waitFor(() => expect(first.handle.getSnapshot().status).toBe('success'), WAIT);
  first.link.drop();
  void first.handle.update({ description: 'made offline' });
  await settle();
  first.crash();

  let openStorage = () => {};
  const opened = new Promise<void>((resolve) => (openStorage = resolve));
  const entries = async () => opened.then(device.storage.entries);
  const second = tabOf(server, { ...device, storage: { ...device.storage, entries } });
  await second.handle.update({ title: 'Own' });
  openStorage();
  await vi.waitFor(
    () => expect(server.content().state).toMatchObject({ description: 'made offline', title: 'Own' }),
    WAIT,
  );
  server.commit();
  await vi.waitFor(() => expect(second.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
});

test('K202 a device that does not open, or hangs, is reported as failing, and leaving asks; an edit still reaches the server', async () => {
  for (const open of [never, () => Promise.reject(new Error('InvalidStateError')), async () => undefined]) {
    const server = campaign();
    const device = browser();
    const { link } = tabOf(server, device);
    const client = clientOn(link.connection, clock, 1_000, { warnBeforeLeaving: true, device: open });
    later(client.close);
    const handle = client.campaign('spring');
    later(handle.subscribe(() => undefined));
    await vi.waitFor(() => expect(handle.getSnapshot().status).toBe('success'), WAIT);
    await pass(6_000);
    expect(handle.getSnapshot().sync.storage).toBe('failing');
    link.drop();
    const change = handle.update({ counter: 1 });
    expect(asks()).toBe(true);
    link.reconnect();
    expect(await change).toMatchObject({ version: 2 });
    expect(asks()).toBe(false);
    await Promise.race([client.forget(), pass(6_000)]);
    expect(client.connection.getSnapshot().status).toBe('closed');
  }
});

test('K202 a device that opens at the third attempt keeps what was edited meanwhile', async () => {
  const server = campaign();
  const device = browser();
  const other = tabOf(server, device);
  let attempts = 0;
  const client = clientOn(other.link.connection, clock, 1_000, {
    device: async (): Promise<Device> => {
      attempts += 1;
      if (attempts < 3) throw new Error('Failed to fetch dynamically imported module');
      return {
        outbox: {
          save: (_id, mutations) => saved.push(mutations.length),
          isStored: () => true,
          isFailing: () => false,
          close: () => {},
          clear: async () => {},
        },
        snapshots: {
          read: async () => undefined,
          write: () => {},
          remove: () => {},
          close: () => {},
          clear: async () => {},
        },
        keepSeen: () => {},
        close: () => {},
        clear: async () => {},
      };
    },
  });
  const saved: number[] = [];
  later(client.close);
  other.link.drop();
  void client.campaign('spring').update({ counter: 1 });
  await pass(30_000);
  expect([attempts, saved]).toEqual([3, [1]]);
  expect(client.campaign('spring').getSnapshot().sync).toMatchObject({ storage: 'ok', pageOnlyCount: 0 });
});

test('K203 without locks, or with locks that hang or fail, edits of closed tabs are taken over all the same', async () => {
  for (const locks of [
    undefined,
    { request: never, requestIfFree: never },
    { request: async () => Promise.reject(new Error('SecurityError')), requestIfFree: never },
  ]) {
    const server = campaign();
    const device = browser();
    const first = tabOf(server, device, 'server', { locks });
    first.link.drop();
    void first.handle.update({ counter: 1 });
    await pass(6_000);
    first.crash();
    const second = tabOf(server, device, 'server', { locks });
    await pass(6_000);
    await vi.waitFor(() => expect(server.content().state).toMatchObject({ counter: 1 }), WAIT);
    server.commit();
    await vi.waitFor(() => expect(second.handle.getSnapshot().sync.state).toBe('saved'), WAIT);
  }
});

test('K204 a storage that hangs holds nobody up, and is opened anew', async () => {
  const server = campaign();
  const device = browser();
  const reopen = vi.fn();
  const hanging = { entries: never, set: never, remove: never, reopen };
  const tab = tabOf(server, { ...device, storage: hanging, seen: hanging });
  await vi.waitFor(() => expect(tab.handle.getSnapshot().status).toBe('success'), WAIT);
  tab.link.drop();
  void tab.handle.update({ counter: 1 });
  expect(asks()).toBe(true);
  await pass(6_000);
  expect(tab.handle.getSnapshot().sync).toMatchObject({ storage: 'failing', pageOnlyCount: 1 });
  expect(reopen).toHaveBeenCalled();
  const forgotten = expect(tab.client.forget()).rejects.toMatchObject({ name: 'CampaignError', reason: 'UNAVAILABLE' });
  await pass(20_000);
  await forgotten;
});

test('K205 a paced edit is sent when the page is hidden, and when it is left', async () => {
  for (const leave of [
    () => window.dispatchEvent(new Event('pagehide')),
    () => {
      vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
      document.dispatchEvent(new Event('visibilitychange'));
    },
  ]) {
    const server = campaign();
    const { handle } = tabOf(server, browser());
    await vi.waitFor(() => expect(handle.getSnapshot().status).toBe('success'), WAIT);
    void handle.pacedUpdate({ title: 'Typed' }, { wait: 60_000 });
    leave();
    await vi.waitFor(() => expect(server.content().state.title).toBe('Typed'), WAIT);
  }
});
