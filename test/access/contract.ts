import { expect, test } from 'vitest';
import type { AccessKeyStore, StoredAccessKey } from '../../server/core/access-key.ts';

let made = 0;

function newKey(more: Partial<StoredAccessKey> = {}): StoredAccessKey {
  made += 1;
  return {
    id: `${made}`.padStart(16, '0'),
    name: 'importer',
    hash: 'x'.repeat(43),
    grants: { '*': 'viewer', spring: 'editor' },
    createdAt: 1_800_000_000_000 + made,
    createdBy: 'ada',
    expiresAt: undefined,
    revokedAt: undefined,
    lastUsedAt: undefined,
    ...more,
  };
}

/** The contract of every storage of API keys. */
export function accessKeyContract(open: () => AccessKeyStore): void {
  test('N1 a key is found as it was stored; an unknown one is undefined', async () => {
    const keys = [newKey(), newKey({ expiresAt: 1_900_000_000_000 })];
    for (const key of keys) await open().insertKey(key);
    for (const key of keys) expect(await open().findKey(key.id)).toEqual(key);
    expect(await open().findKey('unknown')).toBeUndefined();
  });

  test('N1 keys are listed, the newest first, also revoked ones', async () => {
    const [older, newer] = [newKey(), newKey()];
    await open().insertKey(newer);
    await open().insertKey(older);
    await open().revokeKey(newer.id, 7);
    const ids = (await open().listKeys()).map(({ id }) => id);
    expect(ids.indexOf(newer.id)).toBeLessThan(ids.indexOf(older.id));
  });

  test('N1 an id is stored once', async () => {
    const key = newKey();
    await open().insertKey(key);
    await expect(open().insertKey({ ...key, name: 'other' })).rejects.toThrow();
    expect(await open().findKey(key.id)).toEqual(key);
  });

  test('N1 the first revocation counts, and an unknown key has none', async () => {
    const key = newKey();
    await open().insertKey(key);
    expect(await open().revokeKey(key.id, 7)).toBe(true);
    expect(await open().revokeKey(key.id, 9)).toBe(true);
    expect(await open().findKey(key.id)).toMatchObject({ revokedAt: 7 });
    expect(await open().revokeKey('unknown', 7)).toBe(false);
  });

  test('N1 the last use moves forward only', async () => {
    const key = newKey();
    await open().insertKey(key);
    await open().markKeysUsed([
      { id: 'unknown', at: 5 },
      { id: key.id, at: 5 },
    ]);
    await open().markKeysUsed([{ id: key.id, at: 3 }]);
    expect(await open().findKey(key.id)).toMatchObject({ lastUsedAt: 5 });
    await open().markKeysUsed([{ id: key.id, at: 8 }]);
    expect(await open().findKey(key.id)).toMatchObject({ lastUsedAt: 8 });
  });
}
