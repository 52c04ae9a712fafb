import { createStore, del, entries, set } from 'idb-keyval';
import type { Locks, OutboxStorage, StoredMutation } from './outbox-storage.ts';

/** The outbox in IndexedDB. */
export function indexedDbStorage(): OutboxStorage {
  const store = createStore('campaign-state', 'outbox');
  return {
    entries: () => entries<string, readonly StoredMutation[]>(store),
    set: (key, mutations) => set(key, mutations, store),
    remove: (key) => del(key, store),
  };
}

/** Web Locks, which tell the tabs of a browser from each other; `undefined` where a page is not in a secure context. */
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
