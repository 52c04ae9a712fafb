import { expect, test } from 'vitest';
import type { Compactable } from '../../server/core/compaction-store.ts';
import { part } from './campaign-history.ts';
import { archiveEntry, deletionOf } from './deletions.ts';
import { adoptedOf, HEEDED, rowsOf, stateOf, type HistoriesContext } from './histories.ts';

const ALL = Number.MAX_SAFE_INTEGER;

/** The contract of `CompactionStore`. */
export function compactionTests({ archive, grown }: HistoriesContext): void {
  const candidate = async (campaignId: string, versions = 0, since = ALL): Promise<Compactable | undefined> =>
    (await archive().findCompactable({ versions, since }, 1_000, 0)).find((found) => found.campaignId === campaignId);

  const compact = async (campaignId: string, versions: number): Promise<void> => {
    const found = await candidate(campaignId, versions);
    if (!found) throw new Error('there is nothing to compact');
    expect(await archive().setBase(campaignId, found.base)).toBe(true);
    while ((await archive().deleteCompacted()) !== undefined);
  };

  test('A120 what could go is the newest checkpoint before all that is kept: by versions, by age, and never the head', async () => {
    const next = await grown(200);
    next.add({ title: 'More' });
    await archive().commit([next.commitAfter(200)]);
    expect((await candidate(next.campaignId))?.base).toEqual({
      version: 200,
      tail: part(next.entries, 199).tail,
      state: JSON.stringify(part(next.contents, 200).state),
      archivedAt: undefined,
      updatedAt: part(next.entries, 199).record.at,
      updatedBy: part(next.entries, 199).record.actor.id,
    });
    expect(await candidate(next.campaignId, 1)).toBeDefined();
    const versionFor = async (versions: number, since?: number) =>
      (await candidate(next.campaignId, versions, since))?.base.version ?? 0;
    expect(await versionFor(2)).toBeLessThan(200);
    const { at } = part(next.entries, 199).record;
    expect(await versionFor(0, at)).toBeLessThan(200);
    expect(await versionFor(0, at + 1)).toBe(200);
  });

  test('A121 a compacted history begins at its base: states, entries and ids from there on, and nothing before', async () => {
    const history = await grown(100);
    const { campaignId } = history;
    archiveEntry(history);
    await archive().commit([history.commitAfter(100)]);
    await compact(campaignId, 0);
    expect(await candidate(campaignId)).toBeUndefined();
    const [stored] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(stored?.base).toMatchObject({ version: 100, tail: part(history.entries, 99).tail, archivedAt: undefined });
    expect(JSON.parse(stored?.base?.state ?? '')).toEqual(part(history.contents, 100).state);
    expect(await archive().stateAt(campaignId, 100)).toEqual(part(history.contents, 100).state);
    expect(await archive().stateAt(campaignId, 101)).toEqual(part(history.contents, 101).state);
    expect(await archive().stateAt(campaignId, 99)).toBeUndefined();
    expect(await archive().history(campaignId, undefined, 10)).toEqual(history.entries.slice(100));
    expect((await archive().load(campaignId, 10))?.recent).toEqual(history.entries.slice(100));
    expect(await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6)).toEqual(
      rowsOf(history).slice(100),
    );
    expect(await archive().findMutation(campaignId, `${campaignId}-mutation-5`)).toEqual({
      entry: undefined,
      knownFrom: 101,
    });
    expect(await archive().versionAt(campaignId, part(history.entries, 50).record.at)).toBeUndefined();
    history.add({ title: 'It goes on' });
    expect(await archive().commit([history.commitAfter(101)])).toMatchObject([{ kind: 'committed' }]);
    expect(await archive().stateAt(campaignId, 102)).toEqual(part(history.contents, 102).state);
  });

  test('A122 a base is set where the history has that very entry, and only forward; what it has of an archiving is carried on', async () => {
    const history = await grown(90);
    const { campaignId } = history;
    archiveEntry(history);
    for (let version = 92; version <= 100; version += 1) history.add({ title: `${version}` });
    await archive().commit([history.commitAfter(90)]);
    for (let version = 101; version <= 200; version += 1) history.add({ title: `${version}` });
    await archive().commit([history.commitAfter(100)]);
    history.add({ title: 'last' });
    await archive().commit([history.commitAfter(200)]);
    const archivedAt = part(history.contents, 100).archivedAt;
    const first = (await candidate(campaignId, 101))?.base;
    expect(first).toMatchObject({ version: 100, archivedAt });
    if (!first) throw new Error('there is one');
    expect(await archive().setBase(campaignId, { ...first, tail: 'other' })).toBe(false);
    expect(await archive().setBase(campaignId, { ...first, version: 101 })).toBe(false);
    expect(await archive().setBase('unknown', first)).toBe(false);
    await compact(campaignId, 101);
    // No entry that is kept says that it is archived: the base before does.
    expect((await candidate(campaignId))?.base).toMatchObject({ version: 200, archivedAt });
    await compact(campaignId, 0);
    expect(await archive().setBase(campaignId, first)).toBe(false);
    const [stored] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(stored?.base).toMatchObject({ version: 200, archivedAt });
  });

  test('A123 a compacted history is staged and adopted with its base; over another one, that one’s base is gone; a deletion takes it along', async () => {
    const history = await grown(100);
    const { campaignId } = history;
    archiveEntry(history);
    await archive().commit([history.commitAfter(100)]);
    await compact(campaignId, 0);
    const [stored] = await archive().readHistories(undefined, 1, [campaignId]);
    const adopted = adoptedOf(history, { over: true, base: stored?.base });
    await archive().beginRestore('compacted', 0, 0);
    await archive().stage('compacted', rowsOf(history).slice(100), [stateOf(history)], 0);
    // Its base is not staged, or one entry too few is.
    const base = { campaignId, version: 100, state: stored?.base?.state ?? '' };
    await archive().stage('compacted', [], [base], 0);
    expect(await archive().adopt('compacted', [adopted], HEEDED)).toMatchObject({ kind: 'adopted' });
    const [restored] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(restored?.base).toEqual(stored?.base);
    expect(await archive().stateAt(campaignId, 100)).toEqual(part(history.contents, 100).state);
    await archive().endRestore('compacted');

    await archive().beginRestore('whole', 0, 0);
    await archive().stage('whole', rowsOf(history), [stateOf(history)], 0);
    await archive().adopt('whole', [adoptedOf(history, { over: true })], HEEDED);
    await archive().endRestore('whole');
    const [whole] = await archive().readHistories(undefined, 1, [campaignId]);
    expect(whole?.base).toBeUndefined();
    expect(await archive().readEntries({ campaignId, version: 0 }, campaignId, 1e6)).toHaveLength(101);

    const { head, generation } = whole ?? adopted;
    expect(await archive().remove(deletionOf(history, { head, generation, epochs: [head.epoch] }))).toBe(true);
    while (await archive().removeRows(campaignId));
    await archive().completeDeletion(campaignId);
    expect(await archive().orphans()).not.toContain(campaignId);
  });

  test('A134 what is kept of one history is said of it alone, takes the place of what is kept of all, and goes with it', async () => {
    const [first, second] = [await grown(100), await grown(100)];
    for (const history of [first, second]) {
      history.add({ title: 'More' });
      await archive().commit([history.commitAfter(100)]);
    }
    const found = async (all: { versions: number; since: number } | undefined, now: number): Promise<string[]> => {
      const compactable = await archive().findCompactable(all, 1_000, now);
      const ids = [first.campaignId, second.campaignId];
      return compactable.map(({ campaignId }) => campaignId).filter((id) => ids.includes(id));
    };
    const everything = { versions: 0, since: ALL };
    const { campaignId } = first;
    expect(await archive().setKeep('unknown', {})).toBe(false);
    expect(await archive().findKeep(campaignId)).toBeUndefined();
    expect(await found(undefined, 0)).toEqual([]);
    expect(await archive().setKeep(campaignId, {})).toBe(true);
    expect(await archive().mayCompact()).toBe(true);
    expect(await archive().findKeep(campaignId)).toEqual({});
    expect(await found(everything, ALL)).toEqual([second.campaignId]);
    await archive().setKeep(campaignId, { versions: 1 });
    expect(await found(undefined, ALL)).toEqual([campaignId]);
    await archive().setKeep(campaignId, { versions: 2 });
    expect(await found(undefined, ALL)).toEqual([]);
    const { at } = part(first.entries, 99).record;
    await archive().setKeep(campaignId, { ageMs: 1_000 });
    expect(await archive().findKeep(campaignId)).toEqual({ ageMs: 1_000 });
    expect(await found(undefined, at + 1_000)).toEqual([]);
    expect(await found(undefined, at + 1_001)).toEqual([campaignId]);
    await archive().setKeep(campaignId, { versions: 2, ageMs: 1_000 });
    expect(await found(everything, ALL)).toEqual([second.campaignId]);
    await archive().setKeep(campaignId, undefined);
    expect(await found(everything, 0)).toHaveLength(2);

    await archive().setKeep(campaignId, {});
    archiveEntry(first);
    await archive().commit([first.commitAfter(101)]);
    const [stored] = await archive().readHistories(undefined, 1, [campaignId]);
    if (!stored) throw new Error('it is there');
    const { head, generation } = stored;
    expect(await archive().remove(deletionOf(first, { head, generation, epochs: [head.epoch] }))).toBe(true);
    while (await archive().removeRows(campaignId));
    await archive().completeDeletion(campaignId);
    expect(await archive().findKeep(campaignId)).toBeUndefined();
  });

  test('A140 there may be something to compact as long as what lies before a beginning is left, whatever is said', async () => {
    const history = await grown(100);
    history.add({ title: 'More' });
    await archive().commit([history.commitAfter(100)]);
    const found = await candidate(history.campaignId);
    if (!found) throw new Error('there is something to compact');
    expect(await archive().mayCompact()).toBe(false);
    await archive().setBase(history.campaignId, found.base);
    const may = await archive().mayCompact();
    expect(may).toBe((await archive().deleteCompacted()) !== undefined);
    while ((await archive().deleteCompacted()) !== undefined);
    expect(await archive().mayCompact()).toBe(false);
  });

  test('A124 one instance at a time has the claim, until it expires', async () => {
    expect(await archive().claimCompaction('one', 1_000, 2_000)).toBe(true);
    expect(await archive().claimCompaction('two', 1_500, 2_500)).toBe(false);
    expect(await archive().claimCompaction('one', 1_500, 2_500)).toBe(true);
    expect(await archive().claimCompaction('two', 2_400, 3_400)).toBe(false);
    expect(await archive().claimCompaction('two', 2_501, 3_501)).toBe(true);
    // Periodic snapshots are another claim.
    const claim = { holder: 'three', now: 2_600, until: 2_700, dueBefore: ALL };
    expect(await archive().claimSnapshot(claim)).toBe(true);
    await archive().releaseSnapshot('three', undefined);
  });
}
