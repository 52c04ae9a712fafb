import type { AccessKeyStore, StoredAccessKey } from '../core/access-key.ts';

/** Storage of API keys in memory, as an archive in memory has it. */
export interface MemoryKeyStore extends AccessKeyStore {
  /** Forgets the links to the preview of a campaign that is deleted, in the same turn. */
  dropPreviews(campaignId: string): void;
}

/**
 * Storage of API keys in memory: the same answers as a database's.
 *
 * @param hasCampaign whether there is a campaign of that id
 */
export function createMemoryKeyStore(hasCampaign: (campaignId: string) => boolean): MemoryKeyStore {
  const keys = new Map<string, StoredAccessKey>();
  const previewsOf = (campaignId: string): StoredAccessKey[] =>
    [...keys.values()].filter(({ previewOf }) => previewOf === campaignId);

  const insert = (key: StoredAccessKey): void => {
    if (keys.has(key.id)) throw new Error(`The id of the key ${key.id} is taken`);
    keys.set(key.id, structuredClone(key));
  };

  return {
    insertKey: async (key) => insert(key),
    async insertPreview(key, limit) {
      const { previewOf, createdAt } = key;
      if (!hasCampaign(previewOf)) return 'no campaign';
      const previews = previewsOf(previewOf);
      for (const each of previews) if (!isOpen(each, createdAt)) keys.delete(each.id);
      if (previews.filter((each) => isOpen(each, createdAt)).length >= limit) return 'full';
      insert(key);
      return 'stored';
    },
    listKeys: async () => [...keys.values()].sort(newestFirst).map((key) => structuredClone(key)),
    async listPreviews(campaignId, at) {
      const open = previewsOf(campaignId).filter((key) => isOpen(key, at));
      return open.sort(newestFirst).map((key) => structuredClone(key));
    },
    findKeys: async (ids) => structuredClone(ids.map((id) => keys.get(id)).filter((key) => key !== undefined)),
    async revokeKey(id, at, previewOf) {
      const key = keys.get(id);
      if (!key || (previewOf !== undefined && key.previewOf !== previewOf)) return false;
      keys.set(id, { ...key, revokedAt: key.revokedAt ?? at });
      return true;
    },
    async markKeysUsed(uses) {
      for (const { id, at } of uses) {
        const key = keys.get(id);
        if (key) keys.set(id, { ...key, lastUsedAt: Math.max(at, key.lastUsedAt ?? at) });
      }
    },
    dropPreviews(campaignId) {
      for (const { id } of previewsOf(campaignId)) keys.delete(id);
    },
  };
}

function isOpen({ revokedAt, expiresAt }: StoredAccessKey, at: number): boolean {
  return revokedAt === undefined && (expiresAt === undefined || expiresAt > at);
}

function newestFirst(a: StoredAccessKey, b: StoredAccessKey): number {
  return b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1);
}
