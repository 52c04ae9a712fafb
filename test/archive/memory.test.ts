import { expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import { campaignHistory } from './campaign-history.ts';
import { archiveContract } from './contract.ts';

archiveContract('memory', () => {
  const store = createMemoryStore();
  return Promise.resolve({
    shared: true,
    open: ({ soleUser }) => Promise.resolve(createMemoryArchive({ store, soleUser })),
    dispose: () => Promise.resolve(),
  });
});

test('A28 a bounded memory archive keeps the newest entries, and reports from which version on it knows mutation ids', async () => {
  const archive = createMemoryArchive({ keepEntries: 2 });
  const history = campaignHistory('bounded');
  await history.createIn(archive);
  for (let version = 2; version <= 7; version += 1) {
    history.add({ title: `v${version}` });
    await archive.commit([history.commitAfter(version - 1)]);
  }
  expect((await archive.load('bounded', 10))?.recent.length).toBeLessThanOrEqual(4);
  const { knownFrom, entry } = await archive.findMutation('bounded', 'bounded-mutation-1');
  expect(entry).toBeUndefined();
  expect(knownFrom).toBeGreaterThan(1);
  expect(await archive.stateAt('bounded', 1)).toBeUndefined();
  expect(await archive.stateAt('bounded', 7)).toMatchObject({ title: 'v7' });
  expect((await archive.history('bounded', undefined, 10)).map(({ record }) => record.version)).toEqual([7, 6, 5, 4]);
});
