import type { AccessKeyStore, StoredAccessKey } from '../core/access-key.ts';

/** Storage of API keys in memory: the same answers as a database's. */
export function createMemoryKeyStore(): AccessKeyStore {
  const keys = new Map<string, StoredAccessKey>();

  return {
    async insertKey(key) {
      if (keys.has(key.id)) throw new Error(`The id of the key ${key.id} is taken`);
      keys.set(key.id, structuredClone(key));
    },
    listKeys: async () => [...keys.values()].sort(newestFirst).map((key) => structuredClone(key)),
    findKey: async (id) => structuredClone(keys.get(id)),
    async revokeKey(id, at) {
      const key = keys.get(id);
      if (key) keys.set(id, { ...key, revokedAt: key.revokedAt ?? at });
      return key !== undefined;
    },
    async markKeysUsed(uses) {
      for (const { id, at } of uses) {
        const key = keys.get(id);
        if (key) keys.set(id, { ...key, lastUsedAt: Math.max(at, key.lastUsedAt ?? at) });
      }
    },
  };
}

function newestFirst(a: StoredAccessKey, b: StoredAccessKey): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}
