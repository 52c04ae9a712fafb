import { expect, test } from 'vitest';
import { createMemoryArchive, createMemoryStore } from '../../server/archive/index.ts';
import { systemClock } from '../../server/engine/system-clock.ts';
import { createMemoryLog } from '../../server/log/memory-log.ts';
import { restoreSnapshot } from '../../server/snapshot/restoring/restore-snapshot.ts';
import { SnapshotError } from '../../server/snapshot/snapshot-error.ts';
import { IncrementError } from '../../server/snapshot/write-increment.ts';
import {
  incrementOf,
  inPieces,
  itemsOf,
  mergedOf,
  refusalOf,
  snapshotOf,
  storedCampaign,
} from './support/snapshots.ts';

/** What a file tells of each campaign and entry, without what is of the file itself. */
async function told(file: Uint8Array): Promise<unknown[]> {
  const items = await itemsOf(file);
  return items.flatMap((item): unknown[] => {
    if (item.kind === 'snapshot') return [];
    if (item.kind === 'entry') return [item.entry.bytes, item.entry.tail, item.entry.repeatsId];
    return [item];
  });
}

/** An archive whose campaigns change, and the chain of its files. */
async function grownChain() {
  const store = createMemoryStore();
  const archive = createMemoryArchive({ store, soleUser: false });
  const histories = new Map(
    await Promise.all(
      ['a-quiet', 'b-busy', 'c-gone', 'd-replaced', 'e-long'].map(
        async (id) => [id, await storedCampaign(archive, id, id === 'e-long' ? 120 : 12)] as const,
      ),
    ),
  );
  const grow = async (id: string, title: string): Promise<void> => {
    const history = histories.get(id);
    if (!history) throw new Error(`no ${id}`);
    const version = history.entries.length;
    history.add({ title }, { mutationId: `${id}-mutation-${version % 3 === 0 ? 2 : version + 1}` });
    await archive.commit([history.commitAfter(version)]);
  };
  const base = await snapshotOf(archive);
  const chain = [base];
  const add = async (): Promise<Buffer> => {
    const follows = chain.length === 1 ? 'snapshot-1' : `increment-${chain.length - 1}`;
    const file = await incrementOf(archive, `increment-${chain.length}`, follows, chain);
    chain.push(file);
    return file;
  };
  return { store, archive, grow, base, chain, add };
}

test('W30 increments hold what has changed, and with the files before they are the snapshot of the same moment', async () => {
  const { store, archive, grow, base, chain, add } = await grownChain();
  const nothing = await add();
  expect(nothing.length).toBeLessThan(500);
  expect(await told(await mergedOf(chain))).toEqual(await told(base));
  for (const round of [1, 2, 3]) {
    await grow('b-busy', `Round ${round}`);
    if (round === 1) store.campaigns.delete('c-gone');
    if (round === 2) {
      await storedCampaign(archive, 'bb-new', 3);
      // Restored from another file, at an earlier version: its epoch is a new one, and its history goes another way.
      const target = { store: archive, log: createMemoryLog(), clock: systemClock };
      await restoreSnapshot(inPieces(base), { campaignId: 'd-replaced', over: true, at: { version: 7 } }, target);
      // Nothing but the epoch is new.
      await restoreSnapshot(inPieces(await snapshotOf(archive)), { campaignId: 'a-quiet', over: true }, target);
    }
    if (round === 3) await storedCampaign(archive, 'c-gone', 2);
    const file = await add();
    const whole = await snapshotOf(archive);
    const merged = await mergedOf(chain);
    expect(await told(merged)).toEqual(await told(whole));
    expect(file.length).toBeLessThan(whole.length / 2);
  }
});

test('W31 an increment that does not go on from the file before, is damaged or is read alone, is refused', async () => {
  const { grow, base, chain, add, archive } = await grownChain();
  await grow('b-busy', 'One');
  const one = await add();
  await grow('b-busy', 'Two');
  const two = await add();
  expect(await refusalOf(await mergedOf([base, one, two]))).toBeUndefined();
  const refused = async (files: readonly Buffer[], words: RegExp): Promise<void> => {
    const error = await mergedOf(files).then(refusalOf, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SnapshotError);
    expect(String(error)).toMatch(words);
  };
  await refused([base, two], /only what has changed since increment-1.jsonl.gz/);
  await refused([base, two, one], /only what has changed since/);
  await refused([one, two], /only what has changed since snapshot-1/);
  await refused([base, base], /whole snapshot, and follows on no other/);
  expect(String(await refusalOf(one))).toMatch(/holds only what has changed since snapshot-1.jsonl.gz/);
  // Another base of the same name, in which the campaign has gone another way.
  const other = createMemoryArchive();
  await storedCampaign(other, 'b-busy', 9);
  await refused([await snapshotOf(other), one], /does not go on from the file before/);
  for (const [index, file] of chain.entries()) {
    for (let at = 0; at < file.length; at += Math.ceil(file.length / 60)) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      await refused(chain.with(index, damaged), /./);
      await refused(chain.with(index, file.subarray(0, at)), /./);
      await expect(incrementOf(archive, 'next', 'increment-2', chain.with(index, damaged))).rejects.toBeInstanceOf(
        SnapshotError,
      );
    }
  }
});

test('W32 a campaign whose rows do not fit, or that comes twice, makes no increment', async () => {
  const { archive, grow, chain } = await grownChain();
  await grow('b-busy', 'One');
  const broken = {
    ...archive,
    readEntries: async (...args: Parameters<typeof archive.readEntries>) =>
      (await archive.readEntries(...args)).map((row) => ({ ...row, bytes: row.bytes.replace('One', 'Two') })),
  };
  await expect(incrementOf(broken, 'next', 'snapshot-1', chain)).rejects.toBeInstanceOf(IncrementError);
  const state = {
    ...archive,
    readHistories: async (...args: Parameters<typeof archive.readHistories>) =>
      (await archive.readHistories(...args)).map((row) => ({ ...row, state: row.state.replace('One', 'Two') })),
  };
  await expect(incrementOf(state, 'next', 'snapshot-1', chain)).rejects.toThrow(
    'b-busy: the campaign has another state',
  );
});
