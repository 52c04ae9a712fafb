import { expect, test } from 'vitest';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import type { AdoptedHistory, StoredCheckpoint, StoredEntry } from '../../server/core/history-store.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { part, type CampaignHistory } from './campaign-history.ts';

/** What the tests of a contract need of it. */
export interface HistoriesContext {
  archive(): KeyedArchive;
  fresh(state?: JsonObject): CampaignHistory;
  created(state?: JsonObject): Promise<CampaignHistory>;
  grown(versions: number): Promise<CampaignHistory>;
}

/** Every redaction is heeded. */
export const HEEDED = Number.MAX_SAFE_INTEGER;

/** The rows of a history, as they are stored. */
export function rowsOf({ campaignId, entries }: CampaignHistory, as = campaignId): StoredEntry[] {
  return entries.map(({ record, bytes, tail }) => ({
    campaignId: as,
    version: record.version,
    epoch: record.epoch,
    type: record.type,
    at: record.at,
    mutationId: record.mutationId,
    bytes,
    tail,
  }));
}

/** The staged checkpoint of a history's head. */
export function stateOf({ campaignId, contents, entries }: CampaignHistory, as = campaignId): StoredCheckpoint {
  return { campaignId: as, version: entries.length, state: JSON.stringify(contents.at(-1)?.state) };
}

/** A history as it is adopted, in the epoch `restored`. */
export function adoptedOf(history: CampaignHistory, details: Partial<AdoptedHistory> = {}): AdoptedHistory {
  const last = part(history.entries, history.entries.length - 1);
  const content = part(history.contents, history.entries.length);
  const { version, at, actor } = last.record;
  return {
    campaignId: history.campaignId,
    head: { epoch: 'restored', version, tail: last.tail },
    createdAt: part(history.entries, 0).record.at,
    archivedAt: content.archivedAt,
    updatedAt: at,
    updatedBy: actor.id,
    lineage: [{ epoch: 'restored', parent: history.epoch, fromVersion: version }],
    generation: 100,
    over: false,
    ...details,
  };
}

/** The contract of `HistoryStore`. */
export function historyTests({ archive, fresh, created, grown }: HistoriesContext): void {
  test('A80 a campaign is read with its row, and its entries in order, by pages of so many bytes', async () => {
    const history = await grown(7);
    const { campaignId } = history;
    const content = part(history.contents, 7);
    const last = part(history.entries, 6);
    const [stored, ...others] = await archive().readHistories(undefined, 10, [campaignId]);
    expect(others).toEqual([]);
    expect({ ...stored, state: JSON.parse(stored?.state ?? '') }).toEqual({
      campaignId,
      head: { epoch: history.epoch, version: 7, tail: last.tail },
      state: content.state,
      createdAt: part(history.entries, 0).record.at,
      archivedAt: undefined,
      updatedAt: last.record.at,
      updatedBy: last.record.actor.id,
      title: 'Version 7',
      status: undefined,
      lineage: [],
      generation: 0,
    });
    const all = await archive().readEntries({ campaignId, version: 0 }, campaignId, 1_000_000);
    expect(all).toEqual(rowsOf(history));
    const one = await archive().readEntries({ campaignId, version: 3 }, campaignId, 1);
    expect(one).toEqual(rowsOf(history).slice(3, 4));
    expect(await archive().readEntries({ campaignId, version: 7 }, campaignId, 1_000)).toEqual([]);
    expect(await archive().countHistories([campaignId, 'unknown'])).toEqual({ campaigns: 1, entries: 7 });
    const heads = await archive().readHeads(undefined, 1_000);
    expect(heads.map((head) => head.campaignId)).toEqual(heads.map((head) => head.campaignId).sort());
    const place = heads.findIndex((head) => head.campaignId === campaignId);
    expect(heads[place]).toEqual({
      campaignId,
      head: { epoch: history.epoch, version: 7, tail: last.tail },
      redactions: 0,
    });
    expect(await archive().readHeads(heads[place - 1]?.campaignId, 1)).toEqual([heads[place]]);
  });

  test('A81 entries of several campaigns come in the order of their ids, and a repeated mutation id is told', async () => {
    const first = await created();
    first.add({ title: 'Twice' }, { mutationId: part(first.entries, 0).record.mutationId });
    await archive().commit([first.commitAfter(1)]);
    const second = await grown(3);
    const ids = [first, second].map(({ campaignId }) => campaignId).sort();
    const read = await archive().readEntries({ campaignId: ids[0] ?? '', version: 0 }, ids[1] ?? '', 1_000_000);
    const expected = [first, second]
      .sort((a, b) => (a.campaignId < b.campaignId ? -1 : 1))
      .flatMap((history) => rowsOf(history));
    const wanted = new Set(ids);
    expect(read.filter(({ campaignId }) => wanted.has(campaignId))).toEqual(
      expected.map((row) =>
        row.campaignId === first.campaignId && row.version === 2 ? { ...row, mutationId: null } : row,
      ),
    );
  });

  test('A82 a staged history is not there before it is adopted, and is then, in its new epoch', async () => {
    const history = fresh();
    history.add({ title: 'Two' });
    history.add({ title: 'Three' });
    const { campaignId } = history;
    const store = archive();
    expect(await store.beginRestore('r82', 1_000, 0)).toEqual([]);
    await store.stage('r82', rowsOf(history).slice(0, 2), [], 1_000);
    await store.stage('r82', rowsOf(history).slice(2), [stateOf(history)], 1_001);
    // Staged again, it takes its own place.
    await store.stage('r82', rowsOf(history).slice(0, 2), [stateOf(history)], 1_001);
    expect(await store.load(campaignId, 10)).toBeUndefined();
    expect(await store.history(campaignId, undefined, 10)).toEqual([]);
    const adopted = adoptedOf(history);
    expect(await store.adopt('r82', [adopted], HEEDED)).toEqual({ kind: 'adopted', generations: [100] });
    expect(await store.load(campaignId, 10)).toEqual({
      head: adopted.head,
      state: part(history.contents, 3).state,
      archivedAt: undefined,
      updatedAt: adopted.updatedAt,
      updatedBy: adopted.updatedBy,
      lineage: adopted.lineage,
      membership: { generation: 100, active: true },
      recent: history.entries,
      former: [],
    });
    expect((await store.findMutation(campaignId, `${campaignId}-mutation-2`)).entry).toEqual(history.entries[1]);
    expect(await store.stateAt(campaignId, 1)).toEqual(part(history.contents, 1).state);
    await store.endRestore('r82');
    expect(await store.beginRestore('r82', 2_000, 0)).toEqual([]);
    await store.endRestore('r82');
  });

  test('A83 an adoption over a campaign replaces all of it; without that it is refused and changes nothing', async () => {
    const present = await grown(5);
    const { campaignId } = present;
    const store = archive();
    const other = fresh({ slug: campaignId, title: 'Other' });
    other.add({ title: 'Other 2' });
    await store.beginRestore('r83', 1_000, 0);
    await store.stage('r83', rowsOf(other, campaignId), [stateOf(other, campaignId)], 1_000);
    const before = await store.load(campaignId, 10);
    expect(await store.adopt('r83', [adoptedOf(other, { campaignId })], HEEDED)).toEqual({
      kind: 'exists',
      campaignId,
      head: before?.head,
    });
    expect(await store.load(campaignId, 10)).toEqual(before);
    // One in the way keeps all that were to come with it.
    const third = fresh();
    await store.stage('r83', rowsOf(third), [stateOf(third)], 1_000);
    expect(await store.adopt('r83', [adoptedOf(third), adoptedOf(other, { campaignId })], HEEDED)).toMatchObject({
      kind: 'exists',
      campaignId,
    });
    expect(await store.load(third.campaignId, 10)).toBeUndefined();
    expect(await store.load(campaignId, 10)).toEqual(before);
    await store.enterLog(campaignId, { epoch: present.epoch, version: 5, generation: 0 });
    const over = adoptedOf(other, { campaignId, over: true, generation: 0 });
    expect(await store.adopt('r83', [over], HEEDED)).toEqual({ kind: 'adopted', generations: [2] });
    expect(await store.load(campaignId, 10)).toMatchObject({ head: over.head, recent: other.entries });
    expect(await store.history(campaignId, undefined, 10)).toEqual(other.entries.toReversed());
    expect((await store.findMutation(campaignId, `${campaignId}-mutation-4`)).entry).toBeUndefined();
    // A commit on what was there before finds another head.
    present.add({ title: 'Too late' });
    expect(await store.commit([present.commitAfter(5)])).toEqual([{ campaignId, kind: 'conflict', head: over.head }]);
    await store.endRestore('r83');
  });

  test('A84 an adoption of which not every entry is staged is refused, and changes nothing', async () => {
    const present = await grown(2);
    const other = fresh();
    other.add({ title: 'Two' });
    const store = archive();
    await store.beginRestore('r84', 1_000, 0);
    await store.stage(
      'r84',
      rowsOf(other, present.campaignId).slice(0, 1),
      [stateOf(other, present.campaignId)],
      1_000,
    );
    const over = adoptedOf(other, { campaignId: present.campaignId, over: true });
    await expect(store.adopt('r84', [over], HEEDED)).rejects.toMatchObject({
      kind: 'data',
      message: /1 of 2 entries are staged/,
    });
    expect(await store.load(present.campaignId, 10)).toMatchObject({ recent: present.entries });
    await store.stage('r84', rowsOf(other), [], 1_000);
    await expect(store.adopt('r84', [adoptedOf(other)], HEEDED)).rejects.toMatchObject({ kind: 'data' });
    expect(await store.load(other.campaignId, 10)).toBeUndefined();
    await store.endRestore('r84');
  });

  test('A85 a restore that begins again knows what it has adopted, and has nothing else; what others left long ago is dropped, but what they have adopted stays known until it is to be forgotten', async () => {
    const [done, open] = [fresh(), fresh()];
    const store = archive();
    await store.beginRestore('r85', 1_000, 0);
    await store.stage('r85', [...rowsOf(done), ...rowsOf(open)], [stateOf(done), stateOf(open)], 1_000);
    await store.adopt('r85', [adoptedOf(done)], HEEDED);
    expect(await store.beginRestore('r85', 2_000, 0)).toEqual([done.campaignId]);
    await expect(store.adopt('r85', [adoptedOf(open)], HEEDED)).rejects.toMatchObject({ kind: 'data' });
    await store.stage('r85', rowsOf(open), [stateOf(open)], 2_000);
    await store.beginRestore('other', 3_000, 2_001);
    expect(await store.adopt('r85', [adoptedOf(open)], HEEDED)).toEqual({ kind: 'stale' });
    expect(await store.stage('r85', rowsOf(open), [stateOf(open)], 3_000)).toBe(false);
    expect(await store.beginRestore('r85', 4_000, 0)).toEqual([done.campaignId]);
    expect(await store.stage('r85', rowsOf(open), [stateOf(open)], 4_000)).toBe(true);
    await store.endStaleRestores(4_001, 4_000);
    expect(await store.stage('r85', [], [], 5_000)).toBe(false);
    expect(await store.adopt('r85', [adoptedOf(open)], HEEDED)).toEqual({ kind: 'stale' });
    expect(await store.beginRestore('r85', 5_000, 0)).toEqual([done.campaignId]);
    // That it goes on is said without anything to stage.
    expect(await store.stage('r85', [], [], 6_000)).toBe(true);
    await store.endStaleRestores(6_000, 6_000);
    expect(await store.stage('r85', [], [], 6_000)).toBe(true);
    await store.endStaleRestores(6_001, 6_001);
    expect(await store.beginRestore('r85', 4_000, 0)).toEqual([]);
    await store.endStaleRestores(4_000, 0);
    expect(await store.stage('other', rowsOf(open), [stateOf(open)], 4_000)).toBe(false);
    expect(await store.stage('r85', rowsOf(open), [stateOf(open)], 4_000)).toBe(true);
    await store.endRestore('r85');
  });

  test('A86 one holder at a time has the periodic snapshot, while it is due', async () => {
    const store = archive();
    const claim = (holder: string, now: number, dueBefore = now - 1_000) =>
      store.claimSnapshot({ holder, now, until: now + 60, dueBefore });
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map((holder) => claim(holder, 10_000)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    const holder = ['a', 'b', 'c', 'd'][claims.indexOf(true)] ?? '';
    expect(await claim(holder, 10_050)).toBe(true);
    expect(await claim('e', 10_100)).toBe(false);
    // It has said nothing since.
    expect(await claim('e', 10_111)).toBe(true);
    const run = { at: 10_120, file: 'f', bytes: 1, campaigns: 2, entries: 3, damaged: 0, seconds: 0.5 };
    await store.releaseSnapshot(holder, { ...run, file: 'not mine any more' });
    expect(await store.lastSnapshot()).toBeUndefined();
    await store.releaseSnapshot('e', run);
    expect(await store.lastSnapshot()).toEqual(run);
    expect(await claim('a', 10_130)).toBe(false);
    expect(await claim('a', 11_121)).toBe(true);
    await store.releaseSnapshot('a', undefined);
    expect(await store.lastSnapshot()).toEqual(run);
  });

  test('A99 the newest version of a time is found, also where several entries are of one time', async () => {
    const history = await created();
    const { at } = part(history.entries, 0).record;
    for (const [version, later] of [
      [2, 10],
      [3, 10],
      [4, 10],
      [5, 20],
      [6, 30],
      [7, 30],
    ] as const)
      history.add({ title: `Version ${version}` }, { at: at + later });
    await archive().commit([history.commitAfter(1)]);
    const found = [-1, 0, 9, 10, 15, 20, 29, 30, 1_000].map((later) =>
      archive().versionAt(history.campaignId, at + later),
    );
    expect(await Promise.all(found)).toEqual([undefined, 1, 1, 4, 4, 5, 5, 7, 7]);
    expect(await archive().versionAt('unknown', at)).toBeUndefined();
  });
}
