// @vitest-environment jsdom
import { expect, test, vi } from 'vitest';
import { clientOn } from '../../client-sdk/src/client.ts';
import type { Locks, OutboxStorage, StoredMutation } from '../../client-sdk/src/outbox-storage.ts';
import { createPersistence, type Persistence } from '../../client-sdk/src/persistence.ts';
import { createMemoryCampaign } from '../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink, type MemoryLink } from '../../client-sdk/src/testing/memory-link.ts';
import type { Campaign, CampaignClient } from '../../client-sdk/src/index.ts';
import { manualClock } from './support/manual-clock.ts';
import { later, WAIT } from './support/world.ts';

/** What a browser keeps: one storage for all tabs, and locks that fall when a tab dies. */
function browser() {
  const kept = new Map<string, readonly StoredMutation[]>();
  const storage: OutboxStorage = {
    entries: async () => [...structuredClone(kept)],
    set: async (key, mutations) => void kept.set(key, structuredClone(mutations)),
    remove: async (key) => void kept.delete(key),
  };
  const owners = new Map<string, number>();
  const queues = new Map<string, (() => void)[]>();
  let tabs = 0;

  function openTab(): { locks: Locks; die: () => void } {
    const tab = (tabs += 1);
    let dead = false;
    const free = (name: string) => {
      if (owners.get(name) !== tab) return;
      owners.delete(name);
      queues.get(name)?.shift()?.();
    };
    const run = async (name: string, held: () => Promise<void>) => {
      owners.set(name, tab);
      await held();
      free(name);
    };
    return {
      locks: {
        request: (name, held) =>
          new Promise((resolve) => {
            const take = () => (dead ? queues.get(name)?.shift()?.() : resolve(run(name, held)));
            if (owners.has(name)) queues.set(name, [...(queues.get(name) ?? []), take]);
            else take();
          }),
        requestIfFree: async (name, held) => (owners.has(name) ? undefined : run(name, held)),
      },
      die() {
        dead = true;
        for (const name of owners.keys()) free(name);
      },
    };
  }
  return { storage, openTab, kept };
}

const clock = manualClock();
const campaign = () => createMemoryCampaign('spring', { slug: 'spring', title: 'Spring' }, clock.now);

interface Tab {
  readonly client: CampaignClient;
  readonly handle: Campaign;
  readonly link: MemoryLink;
  /** As when the power fails: nothing is said to anyone. */
  readonly crash: () => void;
}

function tabOf(server: ReturnType<typeof campaign>, { storage, openTab }: ReturnType<typeof browser>, scope = 'server'): Tab {
  const { locks, die } = openTab();
  const link = createMemoryLink({
    campaign: server,
    actor: { id: 'me', role: 'editor' },
    clock,
    toServer: (deliver) => queueMicrotask(deliver),
    toClient: (deliver) => queueMicrotask(deliver),
  });
  let persistence: Persistence | undefined;
  const client = clientOn(link.connection, clock, 1_000, {
    warnBeforeLeaving: true,
    persistence: async (adopt) => (persistence = createPersistence({ scope, storage, locks, clock, adopt })),
  });
  later(client.close);
  const handle = client.campaign('spring');
  later(handle.subscribe(() => undefined));
  return {
    client,
    handle,
    link,
    crash() {
      link.drop();
      persistence?.close();
      die();
    },
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

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

test('K16 a tab that lives keeps its own; when it dies, the leading one takes over', async () => {
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

test('K17 no more than a thousand edits wait', async () => {
  const { handle, link } = tabOf(campaign(), browser());
  link.drop();
  for (let n = 0; n < 1_000; n += 1) void handle.update({ counter: n });
  await expect(handle.update({ counter: 1_000 })).rejects.toMatchObject({ reason: 'OVERLOADED', limit: 1_000 });
  expect(handle.getSnapshot().sync.unsavedCount).toBe(1_000);
});

test('K17 leaving is asked about only while something exists nowhere else', async () => {
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
  expect(asks()).toBe(false);
});
