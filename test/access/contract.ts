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
    previewOf: undefined,
    lastUsedAt: undefined,
    ...more,
  };
}

/**
 * The contract of every storage of API keys.
 *
 * @param createCampaign makes a campaign and answers its id
 */
export function accessKeyContract(open: () => AccessKeyStore, createCampaign: () => Promise<string>): void {
  const find = async (id: string): Promise<StoredAccessKey | undefined> => (await open().findKeys([id]))[0];

  test('N1 keys are found as they were stored, and unknown ones are not', async () => {
    const keys = [newKey(), newKey({ expiresAt: 1_900_000_000_000, previewOf: 'spring' })];
    for (const key of keys) await open().insertKey(key);
    for (const key of keys) expect(await find(key.id)).toEqual(key);
    expect(await find('unknown')).toBeUndefined();
    expect(await open().findKeys([])).toEqual([]);
    const ids = ['unknown', ...keys.map(({ id }) => id)];
    expect((await open().findKeys(ids)).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(keys);
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
    expect(await find(key.id)).toEqual(key);
  });

  test('N1 the first revocation counts, and an unknown key has none', async () => {
    const key = newKey();
    await open().insertKey(key);
    expect(await open().revokeKey(key.id, 7)).toBe(true);
    expect(await open().revokeKey(key.id, 9)).toBe(true);
    expect(await find(key.id)).toMatchObject({ revokedAt: 7 });
    expect(await open().revokeKey('unknown', 7)).toBe(false);
  });

  test('N6 a campaign has as many links as it may that open its preview at once, whoever makes them side by side', async () => {
    const [previewOf, other] = [await createCampaign(), await createCampaign()];
    const made = Array.from({ length: 16 }, () => newKey({ previewOf }));
    // Whatever connections there are to a database are open then.
    await Promise.all(made.map(({ id }) => open().findKeys([id])));
    const outcomes = await Promise.all(made.map((key) => open().insertPreview({ ...key, previewOf }, 2)));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 14 }, () => 'full'), 'stored', 'stored']);
    const stored = made.filter((_, index) => outcomes[index] === 'stored').toReversed();
    expect(await open().listPreviews(previewOf, stored[0]?.createdAt ?? 0)).toEqual(stored);
    // Keys of services do not count, nor do other campaigns' links.
    await open().insertKey(newKey({ grants: { [other]: 'viewer' } }));
    expect(await open().insertPreview({ ...newKey(), previewOf: other }, 1)).toBe('stored');
    expect(await open().insertPreview({ ...newKey(), previewOf: other }, 1)).toBe('full');
    expect(await open().insertPreview({ ...newKey(), previewOf: 'nobodys' }, 1)).toBe('no campaign');
  });

  test('N6 links that are revoked or past their time neither count nor are listed, and are forgotten with the next', async () => {
    const previewOf = await createCampaign();
    const [revoked, ended, service] = [newKey({ previewOf }), newKey({ previewOf }), newKey()];
    const at = ended.createdAt + 1_000;
    await open().insertPreview({ ...revoked, previewOf }, 2);
    await open().insertPreview({ ...ended, previewOf, expiresAt: at }, 2);
    await open().insertKey({ ...service, revokedAt: 5 });
    expect(await open().revokeKey(revoked.id, 5, 'other')).toBe(false);
    expect(await open().revokeKey(revoked.id, 5, previewOf)).toBe(true);
    expect(await open().revokeKey(service.id, 5, previewOf)).toBe(false);
    expect((await open().listPreviews(previewOf, at - 1)).map(({ id }) => id)).toEqual([ended.id]);
    expect(await open().listPreviews(previewOf, at)).toEqual([]);
    expect(await find(revoked.id)).toMatchObject({ revokedAt: 5 });
    const next = newKey({ previewOf, createdAt: at });
    expect(await open().insertPreview({ ...next, previewOf }, 1)).toBe('stored');
    expect(await open().listPreviews(previewOf, at)).toEqual([next]);
    for (const { id } of [revoked, ended]) expect(await find(id)).toBeUndefined();
    expect(await find(service.id)).toBeDefined();
  });

  test('N1 the last use moves forward only', async () => {
    const key = newKey();
    await open().insertKey(key);
    await open().markKeysUsed([
      { id: 'unknown', at: 5 },
      { id: key.id, at: 5 },
    ]);
    await open().markKeysUsed([{ id: key.id, at: 3 }]);
    expect(await find(key.id)).toMatchObject({ lastUsedAt: 5 });
    await open().markKeysUsed([{ id: key.id, at: 8 }]);
    expect(await find(key.id)).toMatchObject({ lastUsedAt: 8 });
  });
}
