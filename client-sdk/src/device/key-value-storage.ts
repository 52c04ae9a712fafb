import type { DeviceStorage } from './device-storage.ts';

/**
 * A key-value storage of the platform that outlives the app: the option `storage` of a client. AsyncStorage of React
 * Native is one as it is. It belongs to one running app: there are no locks on it.
 */
export interface KeyValueStorage {
  getAllKeys(): Promise<readonly string[]>;
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<unknown>;
  removeItem(key: string): Promise<unknown>;
}

/** One of the databases of the SDK in such a storage, beside what others keep there. */
export function keyValueStorage<T>(storage: KeyValueStorage, database: string): DeviceStorage<T> {
  const prefix = `${database}/`;

  async function read(key: string): Promise<readonly [string, T][]> {
    const text = await storage.getItem(key);
    try {
      // What this SDK has written under that prefix; `null` where it was removed meanwhile.
      return text === null ? [] : [[key.slice(prefix.length), JSON.parse(text) as T]];
    } catch {
      // Cut off while it was written: it was never said to be stored.
      return [];
    }
  }

  return {
    async entries() {
      const keys = await storage.getAllKeys();
      return (await Promise.all(keys.filter((key) => key.startsWith(prefix)).map(read))).flat();
    },
    async set(key, value) {
      await storage.setItem(prefix + key, JSON.stringify(value));
    },
    async remove(key) {
      await storage.removeItem(prefix + key);
    },
  };
}
