import { afterEach, describe, expect, test, vi } from 'vitest';
import { createAccessKeys, type AccessKeys } from '../../server/access/access-keys.ts';
import { createMemoryKeyStore } from '../../server/access/memory-key-store.ts';
import type { AccessKey, AccessKeyStore } from '../../server/core/access-key.ts';

const LINK = { campaignId: 'spring', name: 'the board', lifetimeMs: 60_000, createdBy: 'ada' };
const SERVICE = { name: 'importer', grants: { '*': 'viewer' }, createdBy: 'ada' } as const;

let time = 1_800_000_000_000;
const opened: AccessKeys[] = [];

/** The keys as one instance has them; with the ids of those that it has ended. */
function instanceOn(store: AccessKeyStore, onUse?: (key: AccessKey) => void) {
  const keys = createAccessKeys(store, { now: () => time, ...(onUse && { onUse }) });
  const ended: string[] = [];
  keys.onRevoked((ids) => ended.push(...ids));
  opened.push(keys);
  return { keys, ended };
}

async function linkOf(keys: AccessKeys) {
  const made = await keys.createPreview(LINK);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

afterEach(async () => {
  for (const keys of opened.splice(0)) await keys.stop();
  vi.useRealTimers();
});

describe('N7 the end of a key in use', () => {
  test('N7 it comes to every instance within ten seconds of its revocation, and of the deletion of its campaign', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const store = createMemoryKeyStore(() => true);
    const [here, there] = [instanceOn(store), instanceOn(store)];
    const [one, two] = [await linkOf(here.keys), await linkOf(here.keys)];
    for (const { keys } of [here, there])
      for (const { key } of [one, two]) expect(await keys.identify(key)).toMatchObject({ isPreview: true });
    expect(await here.keys.revoke(one.id)).toBe(true);
    expect([here.ended, there.ended]).toEqual([[one.id], []]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([here.ended, there.ended]).toEqual([[one.id], [one.id]]);
    expect(await there.keys.identify(one.key)).toBe('revoked');
    store.dropPreviews(LINK.campaignId);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([here.ended, there.ended]).toEqual([
      [one.id, two.id],
      [one.id, two.id],
    ]);
    for (const { keys } of [here, there]) expect(await keys.identify(two.key)).toBe('unknown');
  });

  test('N7 what was read of it before it was revoked is not taken after', async () => {
    const store = createMemoryKeyStore(() => true);
    const read = Promise.withResolvers<void>();
    let hold: Promise<void> | undefined = read.promise;
    const { keys } = instanceOn({
      ...store,
      async findKeys(ids) {
        const found = await store.findKeys(ids);
        await hold;
        return found;
      },
    });
    const { id, key } = await linkOf(keys);
    const identity = keys.identify(key);
    await keys.revoke(id);
    hold = undefined;
    read.resolve();
    expect(await identity).toBe('revoked');
    expect(await keys.identify(key)).toBe('revoked');
  });

  test('N7 what a look at all keys had read before a revocation does not bring a key back', async () => {
    const store = createMemoryKeyStore(() => true);
    const [read, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let hold: Promise<void> | undefined;
    const { keys } = instanceOn({
      ...store,
      async findKeys(ids) {
        const found = await store.findKeys(ids);
        if (hold) read.resolve();
        await hold;
        return found;
      },
    });
    const { id, key } = await linkOf(keys);
    await keys.identify(key);
    hold = answered.promise;
    const looking = keys.recheck();
    await read.promise;
    await keys.revoke(id);
    hold = undefined;
    answered.resolve();
    await looking;
    expect(await keys.identify(key)).toBe('revoked');
  });
});

test('N3 keys in use are asked for again, no others, and none that has ended by its time', async () => {
  const store = createMemoryKeyStore(() => true);
  const asked: (readonly string[])[] = [];
  const { keys, ended } = instanceOn({
    ...store,
    findKeys(ids) {
      asked.push(ids);
      return store.findKeys(ids);
    },
  });
  const [{ id, key }, service] = [await linkOf(keys), await keys.create(SERVICE)];
  await keys.create(SERVICE);
  for (const shown of [key, service.key]) await keys.identify(shown);
  asked.length = 0;
  await keys.recheck();
  time += LINK.lifetimeMs;
  await keys.recheck();
  await keys.recheck();
  expect(asked).toEqual([[id, service.id], [id, service.id], [service.id]]);
  // Its connections have ended with it.
  expect(ended).toEqual([]);
});

test('N3 a key is used by whoever shows it, and not by an instance that asks for it again', async () => {
  const used: (string | undefined)[] = [];
  const { keys } = instanceOn(
    createMemoryKeyStore(() => true),
    ({ previewOf }) => used.push(previewOf),
  );
  const [link, service] = [await linkOf(keys), await keys.create(SERVICE)];
  for (const { key } of [link, service]) await keys.identify(key);
  const shownAt = time;
  time += 7_000;
  for (const { key } of [link, service]) expect(await keys.identify(key, true)).toBeTypeOf('object');
  expect(used).toEqual(['spring', undefined]);
  expect(await keys.list()).toMatchObject([{ lastUsedAt: shownAt }, { lastUsedAt: shownAt }]);
});
