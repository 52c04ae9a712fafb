import { expect, test, vi } from 'vitest';
import { createCampaignClient, type AppState, type KeyValueStorage } from '../../../client-sdk/src/index.ts';
import { networkOfApp } from '../../../client-sdk/src/link/network.ts';
import { manualClock } from '../support/manual-clock.ts';
import { client, later, live, proxyOf, server, WAIT } from '../support/world.ts';

/** What outlives the app; AsyncStorage has these four functions. */
function storageOfPhone(): KeyValueStorage & { readonly kept: Map<string, string> } {
  const kept = new Map([['theirs/of-another-library', 'left alone']]);
  return {
    kept,
    getAllKeys: async () => [...kept.keys()],
    getItem: async (key) => kept.get(key) ?? null,
    setItem: async (key, value) => void kept.set(key, value),
    removeItem: async (key) => void kept.delete(key),
  };
}

/** An app that comes to the foreground, and leaves it. */
function app(): AppState & { readonly set: (isActive: boolean) => void; readonly listeners: Set<unknown> } {
  const listeners = new Set<(isActive: boolean) => void>();
  return {
    listeners,
    set: (isActive) => {
      for (const listener of listeners) listener(isActive);
    },
    onChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
}

test('K310 with a storage of its own, an app without IndexedDB keeps its edits and what it has seen', async () => {
  const started = await server();
  const wire = await proxyOf(started);
  const storage = storageOfPhone();
  const before = createCampaignClient({ url: wire.url, persist: 'ada', storage });
  const campaign = before.campaign('spring');
  await live(campaign);
  await vi.waitFor(() => expect([...storage.kept.values()].join(' ')).toContain('"Spring"'), WAIT);

  wire.sever();
  void campaign.update({ title: 'Made in a tunnel' });
  await vi.waitFor(
    () => expect(campaign.getSnapshot().sync).toMatchObject({ storage: 'ok', pendingCount: 1, pageOnlyCount: 0 }),
    WAIT,
  );
  before.close();
  storage.kept.set('campaign-state-seen/cut off', '{"campaign');

  const after = client(wire.url, { persist: 'ada', storage });
  const same = after.campaign('spring');
  later(same.subscribe(() => undefined));
  await vi.waitFor(
    () => expect(same.getSnapshot()).toMatchObject({ isStale: true, state: { title: 'Made in a tunnel' } }),
    WAIT,
  );
  wire.restore();
  const other = client(started.url).campaign('spring');
  await live(other);
  await vi.waitFor(() => expect(other.getSnapshot().state.title).toBe('Made in a tunnel'), WAIT);

  await after.forget();
  storage.kept.delete('campaign-state-seen/cut off');
  expect([...storage.kept.keys()]).toEqual(['theirs/of-another-library']);
});

test('K311 an app that leaves the foreground sends what is held, and tries a lost connection when it comes back', async () => {
  const started = await server();
  const wire = await proxyOf(started);
  const phone = app();
  const clock = manualClock();
  const made = client(wire.url, { appState: phone, clock });
  const campaign = made.campaign('spring');
  await live(campaign);
  const change = campaign.pacedUpdate({ title: 'Typed' }, { wait: 60_000 });
  expect(campaign.getSnapshot().sync.pendingCount).toBe(1);
  phone.set(false);
  expect(await change).toMatchObject({ version: 2 });

  wire.sever();
  await vi.waitFor(() => expect(made.connection.getSnapshot().retryAt).toBeGreaterThan(0), WAIT);
  wire.restore();
  phone.set(true);
  await vi.waitFor(() => expect(made.connection.getSnapshot().status).toBe('connected'), WAIT);
  made.close();
  expect(phone.listeners.size).toBe(0);
});

test('K311 the network of an app is still that of the device', () => {
  const phone = app();
  const seen: string[] = [];
  let tell = (_change: 'online' | 'offline' | 'visible'): void => {};
  let stopped = false;
  const network = networkOfApp(
    {
      online: () => false,
      onChange(callback) {
        tell = callback;
        return () => (stopped = true);
      },
    },
    phone,
  );
  expect(network.online()).toBe(false);
  const stop = network.onChange((change) => seen.push(change));
  tell('offline');
  phone.set(false);
  phone.set(true);
  expect(seen).toEqual(['offline', 'visible']);
  stop();
  expect([stopped, phone.listeners.size]).toEqual([true, 0]);
});
