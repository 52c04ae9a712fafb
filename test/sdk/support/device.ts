import { clientOn } from '../../../client-sdk/src/client.ts';
import { createDevice, type Device } from '../../../client-sdk/src/device/device.ts';
import type { DeviceStorage, Locks, OutboxStorage, TabChannel } from '../../../client-sdk/src/device/device-storage.ts';
import type { SeenCampaign } from '../../../client-sdk/src/device/snapshot-cache.ts';
import type { Campaign, CampaignClient, ConflictPolicy } from '../../../client-sdk/src/index.ts';
import type { StoredMutation } from '../../../client-sdk/src/sync/pending.ts';
import { createMemoryCampaign } from '../../../client-sdk/src/testing/memory-campaign.ts';
import { createMemoryLink, type MemoryLink } from '../../../client-sdk/src/testing/memory-link.ts';
import { manualClock } from './manual-clock.ts';
import { later } from './world.ts';

/** What a browser keeps: one storage for all tabs, and locks that fall when a tab dies. */
export function browser() {
  const kept = new Map<string, readonly StoredMutation[]>();
  const storage: OutboxStorage = {
    entries: async () => [...structuredClone(kept)],
    set: async (key, mutations) => void kept.set(key, structuredClone(mutations)),
    remove: async (key) => void kept.delete(key),
  };
  const lastSeen = new Map<string, SeenCampaign>();
  const seen: DeviceStorage<SeenCampaign> = {
    entries: async () => [...structuredClone(lastSeen)],
    set: async (key, campaign) => void lastSeen.set(key, structuredClone(campaign)),
    remove: async (key) => void lastSeen.delete(key),
  };
  const channels = new Map<string, Set<() => void>>();
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
  /** As `BroadcastChannel`: whoever sends is not told. */
  function openChannel(name: string): TabChannel {
    const listeners = channels.get(name) ?? new Set();
    channels.set(name, listeners);
    let own = () => {};
    return {
      forget() {
        for (const listener of listeners) if (listener !== own) queueMicrotask(listener);
      },
      onForget(callback) {
        own = () => callback();
        listeners.add(own);
      },
      close: () => void listeners.delete(own),
    };
  }
  return { storage, seen, openTab, openChannel, kept, lastSeen, channels };
}

export const clock = manualClock();
export const campaign = () => createMemoryCampaign('spring', { slug: 'spring', title: 'Spring' }, clock.now);

export interface Tab {
  readonly client: CampaignClient;
  readonly handle: Campaign;
  readonly link: MemoryLink;
  /** As when the power fails: nothing is said to anyone. */
  readonly crash: () => void;
}

export function tabOf(
  server: ReturnType<typeof campaign>,
  {
    storage,
    seen,
    openTab,
    openChannel,
  }: Pick<ReturnType<typeof browser>, 'storage' | 'seen' | 'openTab'> &
    Partial<Pick<ReturnType<typeof browser>, 'openChannel'>>,
  scope = 'server',
  options: { readonly locks?: Locks | undefined; readonly onConflict?: ConflictPolicy } = {},
): Tab {
  const tab = openTab();
  const locks = 'locks' in options ? options.locks : tab.locks;
  const link = createMemoryLink({
    campaign: server,
    actor: { id: 'me', role: 'editor' },
    clock,
    toServer: (deliver) => queueMicrotask(deliver),
    toClient: (deliver) => queueMicrotask(deliver),
  });
  let device: Device | undefined;
  const client = clientOn(link.connection, clock, 1_000, {
    warnBeforeLeaving: true,
    onConflict: options.onConflict,
    device: async (callbacks) =>
      (device = createDevice({
        scope,
        unsaved: storage,
        seen,
        locks,
        tabs: openChannel?.(scope),
        clock,
        ...callbacks,
      })),
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
      device?.outbox.close();
      tab.die();
    },
  };
}

export const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
