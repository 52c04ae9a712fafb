import { createStore, del, entries, set } from 'idb-keyval';
import type { DeviceStorage, Locks, TabChannel } from './device-storage.ts';

/** A storage in the IndexedDB database of that name. */
export function indexedDbStorage<T>(database: string): DeviceStorage<T> {
  const open = () => createStore(database, 'kept');
  let store = open();
  return {
    entries: () => entries<string, T>(store),
    set: (key, value) => set(key, value, store),
    remove: (key) => del(key, store),
    reopen() {
      store = open();
    },
  };
}

/** Web Locks, which are shared by the tabs of a browser; `undefined` where a page is not in a secure context. */
export function webLocks(): Locks | undefined {
  const manager = typeof navigator === 'undefined' ? undefined : navigator.locks;
  return (
    manager && {
      request: async (name, held) => {
        await manager.request(name, held);
      },
      requestIfFree: async (name, held) => {
        await manager.request(name, { ifAvailable: true }, (lock) => (lock ? held() : undefined));
      },
    }
  );
}

/**
 * A `BroadcastChannel` of that name, which is shared by the tabs of a browser; `undefined` where there is none, or the
 * visitor forbids it along with storage.
 */
export function tabChannel(name: string): TabChannel | undefined {
  const channel = openChannel(name);
  if (!channel) return undefined;
  return {
    forget: () => channel.postMessage('forget'),
    onForget: (callback) => channel.addEventListener('message', callback),
    close: () => channel.close(),
  };
}

function openChannel(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name);
  } catch {
    return undefined;
  }
}
