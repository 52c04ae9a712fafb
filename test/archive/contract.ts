import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { JsonObject } from '../../server/core/json.ts';
import { LIMITS } from '../../server/core/limits.ts';
import type { Archive, CampaignCommit } from '../../server/engine/ports.ts';
import { campaignHistory, type CampaignHistory } from './campaign-history.ts';

/** Storage of its own, on which archives are opened one after the other. */
export interface ArchiveWorld {
  open(options: { soleUser: boolean }): Promise<Archive>;
  /** Whether several archives can be open on it. */
  shared: boolean;
  /** Removes the storage; every archive on it has been stopped. */
  dispose(): Promise<void>;
}

/** What every implementation of the port does, whatever is below it. */
export function archiveContract(name: string, createWorld: () => Promise<ArchiveWorld>): void {
  describe(`the archive's contract: ${name}`, () => {
    let world: ArchiveWorld;
    let archive: Archive;
    let count = 0;

    beforeAll(async () => {
      world = await createWorld();
      archive = await world.open({ soleUser: true });
    });

    afterAll(async () => {
      await archive.stop({ clean: true });
      await world.dispose();
    });

    /** A campaign of its own for each test. */
    const fresh = (state?: JsonObject): CampaignHistory => campaignHistory(`c${(count += 1)}`, state);

    const created = async (state?: JsonObject): Promise<CampaignHistory> => {
      const history = fresh(state);
      expect(await history.createIn(archive)).toBe(true);
      return history;
    };

    /** Created, and grown by so many entries in one commit. */
    const grown = async (versions: number): Promise<CampaignHistory> => {
      const history = await created();
      for (let version = 2; version <= versions; version += 1) history.add({ title: `Version ${version}`, [`key${version % 7}`]: version });
      expect(await archive.commit([history.commitAfter(1)])).toEqual([{ campaignId: history.campaignId, kind: 'committed' }]);
      return history;
    };

    test('A1 a created campaign is loaded as it was given; an unknown one is undefined', async () => {
      const history = await created({ slug: 's', title: 'Spring', features: ['a'], ui_content: { banner: 'Hi' } });
      expect(await archive.load(history.campaignId, 10)).toEqual({
        head: { epoch: history.epoch, version: 1, tail: history.entries[0]?.tail },
        state: { slug: 's', title: 'Spring', features: ['a'], ui_content: { banner: 'Hi' } },
        archivedAt: undefined,
        updatedAt: history.entries[0]?.record.at,
        updatedBy: 'actor-1',
        lineage: [],
        seat: { generation: 0, taken: false },
        recent: history.entries,
      });
      expect(await archive.load('unknown', 10)).toBeUndefined();
    });

    test('A2 an id is created once, also by many at the same time', async () => {
      const history = fresh();
      const answers = await Promise.all(Array.from({ length: 8 }, () => history.createIn(archive)));
      expect(answers.filter(Boolean)).toHaveLength(1);
      const other = campaignHistory(history.campaignId, { slug: 'other', title: 'Other' });
      expect(await other.createIn(archive)).toBe(false);
      expect((await archive.load(history.campaignId, 10))?.recent).toEqual(history.entries);
    });

    test('A3 a commit moves the head, the state and what lists show', async () => {
      const history = await created();
      history.add({ title: 'Second', status: 'active' });
      history.add({}, { type: 'archive', command: { type: 'archive' } });
      await archive.commit([history.commitAfter(1)]);
      const last = history.entries.at(-1);
      expect(await archive.load(history.campaignId, 10)).toEqual({
        head: { epoch: history.epoch, version: 3, tail: last?.tail },
        state: history.contents.at(-1)?.state,
        archivedAt: last?.record.at,
        updatedAt: last?.record.at,
        updatedBy: 'actor-3',
        lineage: [],
        seat: { generation: 0, taken: false },
        recent: history.entries,
      });
      const [row] = await archive.list({ limit: 1, ids: [history.campaignId] });
      expect(row).toEqual({
        campaignId: history.campaignId,
        title: 'Second',
        status: 'active',
        version: 3,
        updatedAt: last?.record.at,
        updatedBy: 'actor-3',
        archivedAt: last?.record.at,
      });
      history.add({ status: null }, { type: 'restore', command: { type: 'restore' } });
      await archive.commit([history.commitAfter(3)]);
      const [restored] = await archive.list({ limit: 1, ids: [history.campaignId] });
      expect(restored).not.toHaveProperty('archivedAt');
      expect(restored?.status).toBeUndefined();
    });

    test('A4 one commit takes many campaigns; parts whose guard fails are left out, with the head that is there', async () => {
      const histories = await Promise.all(Array.from({ length: 5 }, () => grown(3)));
      const parts = histories.map((history) => {
        history.add({ title: 'Fourth' });
        return history.commitAfter(3);
      });
      const stale = part(histories, 1).commitAfter(2);
      const strange = inEpoch(part(parts, 3), 'another-epoch');
      const outcomes = await archive.commit([part(parts, 0), stale, part(parts, 2), strange, part(parts, 4), ghost(part(parts, 0))]);
      const head = (index: number) => ({ epoch: histories[index]?.epoch, version: 3, tail: histories[index]?.entries[2]?.tail });
      expect(outcomes).toEqual([
        { campaignId: histories[0]?.campaignId, kind: 'committed' },
        { campaignId: histories[1]?.campaignId, kind: 'conflict', head: head(1) },
        { campaignId: histories[2]?.campaignId, kind: 'committed' },
        { campaignId: histories[3]?.campaignId, kind: 'conflict', head: head(3) },
        { campaignId: histories[4]?.campaignId, kind: 'committed' },
        { campaignId: 'ghost', kind: 'conflict', head: undefined },
      ]);
      for (const [index, history] of histories.entries()) {
        const conflicting = index === 1 || index === 3;
        const loaded = await archive.load(history.campaignId, 10);
        expect(loaded?.recent).toEqual(conflicting ? history.entries.slice(0, 3) : history.entries);
        expect(loaded?.state).toEqual(history.contents[conflicting ? 3 : 4]?.state);
      }
      expect(await archive.load('ghost', 1)).toBeUndefined();
    });

    test('A5 a commit that is repeated, because its outcome was not known, conflicts with its own head', async () => {
      const history = await created();
      history.add({ title: 'Once' });
      await archive.commit([history.commitAfter(1)]);
      expect(await archive.commit([history.commitAfter(1)])).toEqual([
        { campaignId: history.campaignId, kind: 'conflict', head: { epoch: history.epoch, version: 2, tail: history.entries[1]?.tail } },
      ]);
      expect(await archive.history(history.campaignId, undefined, 10)).toHaveLength(2);
    });

    test('A6 of many commits on one head exactly one passes', async () => {
      const history = await created();
      const rivals = Array.from({ length: 8 }, (_, index) => {
        const rival = campaignHistory(history.campaignId);
        rival.add({ title: `Rival ${index}` }, { mutationId: `rival-${index}` });
        return rival.commitAfter(1);
      });
      const outcomes = (await Promise.all(rivals.map((rival) => archive.commit([rival])))).flat();
      const winner = outcomes.findIndex(({ kind }) => kind === 'committed');
      expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
      expect((await archive.load(history.campaignId, 1))?.state).toEqual(rivals[winner]?.state);
      expect(await archive.history(history.campaignId, undefined, 10)).toHaveLength(2);
    });

    test('A7 a part that is refused refuses the whole commit, as an error of kind data; without it the rest passes', async () => {
      const [good, bad] = [await created(), await created()];
      good.add({ title: 'Good' });
      bad.add({ title: 'Bad' }, { version: 3 });
      await expect(archive.commit([good.commitAfter(1), bad.commitAfter(1)])).rejects.toMatchObject({ name: 'ArchiveError', kind: 'data' });
      expect((await archive.heads([good.campaignId, bad.campaignId])).map(({ head }) => head.version)).toEqual([1, 1]);
      await expect(archive.commit([bad.commitAfter(1)])).rejects.toMatchObject({ kind: 'data' });
      expect(await archive.commit([good.commitAfter(1)])).toEqual([{ campaignId: good.campaignId, kind: 'committed' }]);
    });

    test('A8 entries with a hole before or between them are refused (G8)', async () => {
      const history = await created();
      for (let index = 0; index < 4; index += 1) history.add({ index });
      const whole = history.commitAfter(1);
      const refused = { name: 'ArchiveError', kind: 'data' };
      await expect(archive.commit([{ ...whole, entries: whole.entries.slice(1) }])).rejects.toMatchObject(refused);
      await expect(archive.commit([{ ...whole, entries: whole.entries.toSpliced(1, 1) }])).rejects.toMatchObject(refused);
      expect((await archive.heads([history.campaignId]))[0]?.head.version).toBe(1);
    });

    test('A9 a part without entries asks whether the head is still there', async () => {
      const history = await created();
      const { campaignId } = history;
      expect(await archive.commit([history.commitAfter(1)])).toEqual([{ campaignId, kind: 'committed' }]);
      const elsewhere = { ...history.commitAfter(1), expected: { epoch: history.epoch, version: 7 } };
      expect(await archive.commit([elsewhere])).toMatchObject([{ campaignId, kind: 'conflict', head: { version: 1 } }]);
      expect(await archive.commit([])).toEqual([]);
    });

    test('A10 bytes are kept verbatim: order of keys, numbers as written, every legal character', async () => {
      const history = await created();
      const change = { z: 1e21, a: 0.1, '10': 1, '9': 2, nested: { y: [], x: {} }, text: 'é e\u0301 \u2028 \u2029 😀 \ufeff "\\" \u0001 {,} \uffff \t' };
      history.add(change, { comment: "'; drop table entries; --", mutationId: 'weird {"id"} \\ 😀' });
      const plain = history.add({ plain: true });
      // As another version of the server might have written it: other spaces and spellings of the same values, twice the same key.
      const bytes = plain.bytes.replace('{', '{ "format": 1 ,\t').replace('"plain":true', '"plain":true,"\\u0078":1.0E+2,"gone":"\\u0000 \\ud800"');
      const sealed = { record: JSON.parse(bytes), bytes, tail: plain.tail };
      await archive.commit([{ ...history.commitAfter(1), entries: [part(history.entries, 1), sealed] }]);
      const stored = (await archive.load(history.campaignId, 10))?.recent ?? [];
      expect(stored.map((entry) => entry.bytes)).toEqual([history.entries[0]?.bytes, history.entries[1]?.bytes, bytes]);
      expect(stored.map((entry) => entry.record)).toEqual(stored.map((entry) => JSON.parse(entry.bytes)));
      expect((await archive.findMutation(history.campaignId, 'weird {"id"} \\ 😀')).entry).toEqual(history.entries[1]);
    });

    test('A11 any document and any change come back equal', async () => {
      await fc.assert(
        fc.asyncProperty(anyObject, anyObject, async (first, second) => {
          const history = await created({ ...first, title: 'Any' });
          history.add(second);
          await archive.commit([history.commitAfter(1)]);
          const loaded = await archive.load(history.campaignId, 2);
          expect(loaded?.recent).toEqual(history.entries);
          expect(loaded?.state).toEqual(JSON.parse(JSON.stringify(history.contents[2]?.state)));
        }),
        { numRuns: 25 },
      );
    });

    test('A12 a mutation is found by its id, in its campaign only', async () => {
      const history = await grown(4);
      const other = await created();
      expect((await archive.findMutation(history.campaignId, `${history.campaignId}-mutation-3`)).entry).toEqual(history.entries[2]);
      expect(await archive.findMutation(other.campaignId, `${history.campaignId}-mutation-3`)).toEqual({ entry: undefined, knownFrom: 1 });
      expect(await archive.findMutation('unknown', 'unknown')).toEqual({ entry: undefined, knownFrom: 1 });
    });

    test('A29 an entry under an id that its campaign has already is kept like any other, and the id finds the first (G3)', async () => {
      const history = await created();
      const first = history.add({ title: 'First' }, { mutationId: 'twice' });
      await archive.commit([history.commitAfter(1)]);
      history.add({ title: 'Later' }, { mutationId: 'twice' });
      history.add({ title: 'Between' });
      history.add({ title: 'In one commit' }, { mutationId: 'again' });
      history.add({ title: 'In the same' }, { mutationId: 'again' });
      expect(await archive.commit([history.commitAfter(2)])).toEqual([{ campaignId: history.campaignId, kind: 'committed' }]);
      expect((await archive.load(history.campaignId, 10))?.recent).toEqual(history.entries);
      expect(await archive.stateAt(history.campaignId, 6)).toEqual(history.contents[6]?.state);
      expect((await archive.findMutation(history.campaignId, 'twice')).entry).toEqual(first);
      expect((await archive.findMutation(history.campaignId, 'again')).entry).toEqual(history.entries[4]);
    });

    test('A13 a campaign enters the log under the next generation, for one of those who try, and keeps head and epoch', async () => {
      const history = await grown(3);
      const { campaignId, epoch } = history;
      const before = await archive.load(campaignId, 10);
      const expected = { epoch, version: 3, generation: 0 };
      for (const wrong of [{ epoch: 'another' }, { version: 2 }, { generation: 1 }]) {
        expect(await archive.enterLog(campaignId, { ...expected, ...wrong })).toBe(false);
        expect(await archive.enterLog(campaignId, { ...expected, ...wrong }, 'new')).toBe(false);
      }
      expect(await archive.enterLog('unknown', expected)).toBe(false);
      expect(await archive.load(campaignId, 10)).toEqual(before);
      const tries = await Promise.all(Array.from({ length: 4 }, () => archive.enterLog(campaignId, expected)));
      expect(tries.filter(Boolean)).toHaveLength(1);
      expect(await archive.load(campaignId, 10)).toEqual({ ...before, seat: { generation: 1, taken: true } });
    });

    test('A14 it may enter in a new epoch, which the lineage tells, oldest first; the old epoch commits nothing any more', async () => {
      const history = await created();
      const { campaignId, epoch: first } = history;
      history.add({ title: 'Never stored' });
      const late = history.commitAfter(1);
      const tries = await Promise.all(['x', 'y', 'z'].map((epoch) => archive.enterLog(campaignId, { epoch: first, version: 1, generation: 0 }, epoch)));
      expect(tries.filter(Boolean)).toHaveLength(1);
      const second = part(['x', 'y', 'z'], tries.indexOf(true));
      expect(await archive.enterLog(campaignId, { epoch: second, version: 1, generation: 1 }, 'a-third')).toBe(true);
      expect(await archive.commit([late])).toMatchObject([{ kind: 'conflict', head: { epoch: 'a-third', version: 1 } }]);
      const line = campaignHistory(campaignId);
      line.epoch = 'a-third';
      line.add({ title: 'Stored' });
      expect(await archive.commit([line.commitAfter(1)])).toMatchObject([{ kind: 'committed' }]);
      expect(await archive.enterLog(campaignId, { epoch: 'a-third', version: 2, generation: 2 }, 'fourth')).toBe(true);
      const loaded = await archive.load(campaignId, 10);
      expect(loaded).toMatchObject({ head: { epoch: 'fourth', version: 2, tail: line.entries[1]?.tail }, seat: { generation: 3, taken: true } });
      expect(loaded?.lineage).toEqual([
        { epoch: second, parent: first, fromVersion: 1 },
        { epoch: 'a-third', parent: second, fromVersion: 1 },
        { epoch: 'fourth', parent: 'a-third', fromVersion: 2 },
      ]);
      expect(loaded?.recent.map((entry) => entry.record.epoch)).toEqual([first, 'a-third']);
    });

    test('A24 a campaign that leaves the log frees its seat, unless the seat is another one by now', async () => {
      const history = await created();
      const { campaignId, epoch } = history;
      const seat = async () => (await archive.load(campaignId, 0))?.seat;
      await archive.enterLog(campaignId, { epoch, version: 1, generation: 0 });
      await archive.leaveLog(campaignId, 0);
      expect(await seat()).toEqual({ generation: 1, taken: true });
      await archive.leaveLog(campaignId, 1);
      expect(await seat()).toEqual({ generation: 1, taken: false });
      expect(await archive.enterLog(campaignId, { epoch, version: 1, generation: 1 })).toBe(true);
      await archive.leaveLog(campaignId, 1);
      expect(await seat()).toEqual({ generation: 2, taken: true });
      await archive.leaveLog('unknown', 1);
    });

    test('A15 heads are told of those campaigns that exist', async () => {
      const [one, two] = [await grown(2), await created()];
      const heads = await archive.heads([one.campaignId, 'unknown', two.campaignId]);
      expect(new Map(heads.map(({ campaignId, head }) => [campaignId, head]))).toEqual(
        new Map([one, two].map((history) => [history.campaignId, { epoch: history.epoch, version: history.entries.length, tail: history.entries.at(-1)?.tail }])),
      );
      expect(heads).toHaveLength(2);
      expect(await archive.heads([])).toEqual([]);
    });

    test('A16 a load brings the newest entries, as many as were asked for, oldest first', async () => {
      const history = await grown(12);
      expect((await archive.load(history.campaignId, 5))?.recent).toEqual(history.entries.slice(-5));
      expect((await archive.load(history.campaignId, 0))?.recent).toEqual([]);
      expect((await archive.load(history.campaignId, 1_000))?.recent).toEqual(history.entries);
    });

    test('A17 the history is told newest first, page by page', async () => {
      const history = await grown(25);
      const told = [];
      for (let before: number | undefined; ; ) {
        const page = await archive.history(history.campaignId, before, 10);
        told.push(...page);
        if (page.length < 10) break;
        before = page.at(-1)?.record.version;
      }
      expect(told).toEqual(history.entries.toReversed());
      expect(await archive.history(history.campaignId, 1, 10)).toEqual([]);
      expect(await archive.history('unknown', undefined, 10)).toEqual([]);
    });

    test('A63 a page of the history, and what a load brings, end with the entry that reaches 1 MiB, and hold one at least (G10)', async () => {
      const history = await created();
      // Of two bytes each: what is counted is the bytes, not the characters.
      const half = 'é'.repeat(LIMITS.pageBytes / 8);
      for (const text of [half, half, half, half, half, 'é'.repeat(LIMITS.pageBytes), 'small']) history.add({ text }, { command: { type: 'create' } });
      await archive.commit([history.commitAfter(1)]);
      const told = [];
      for (let before: number | undefined; before !== 1; before = told.at(-1)?.at(-1)) {
        told.push((await archive.history(history.campaignId, before, 100)).map(({ record }) => record.version));
      }
      expect(told).toEqual([[8, 7], [6, 5, 4, 3], [2, 1]]);
      expect((await archive.history(history.campaignId, 7, 2)).map(({ record }) => record.version)).toEqual([6, 5]);
      expect((await archive.load(history.campaignId, 100))?.recent).toEqual(history.entries.slice(6));
      expect((await archive.load(history.campaignId, 1))?.recent).toEqual(history.entries.slice(7));
    });

    test('A18 the state at a version is the fold of the entries up to it, across checkpoints (G6)', async () => {
      const history = await created({ slug: 's', title: 'T', gone: 1, deep: { a: 1 } });
      for (const size of [1, 97, 3, 150, 1, 99]) {
        const from = history.entries.length;
        for (let index = 0; index < size; index += 1) {
          const version = from + index + 1;
          history.add(version % 50 === 0 ? { gone: null, deep: null } : { gone: version, deep: { [`k${version % 5}`]: { version } } });
        }
        await archive.commit([history.commitAfter(from)]);
      }
      expect(history.entries).toHaveLength(352);
      for (const version of [1, 2, 50, 98, 99, 100, 101, 102, 103, 199, 200, 201, 251, 252, 253, 300, 351, 352]) {
        expect(await archive.stateAt(history.campaignId, version)).toEqual(history.contents[version]?.state);
      }
      for (const version of [0, -1, 353]) expect(await archive.stateAt(history.campaignId, version)).toBeUndefined();
      expect(await archive.stateAt('unknown', 1)).toBeUndefined();
    });

    test('A19 a list goes by id in the order of bytes, page by page', async () => {
      const ids = ['order-a', 'order-a-b', 'order-a0', 'order-a_b', 'order-ab', 'order-b'];
      for (const id of ids.toReversed()) await campaignHistory(id).createIn(archive);
      const told: string[] = [];
      for (let cursor = 'order'; ; ) {
        const page = await archive.list({ cursor, limit: 2, ids });
        told.push(...page.map((row) => row.campaignId));
        if (page.length < 2) break;
        cursor = told.at(-1) ?? '';
      }
      expect(told).toEqual(ids);
    });

    test('A20 a list narrows to ids, to a status, and to what is published: everything that is not a draft', async () => {
      const of = async (status: string | undefined) => (await created({ slug: 's', title: 'T', ...(status === undefined ? {} : { status }) })).campaignId;
      const [draft, active, ended, none] = [await of('draft'), await of('active'), await of('ended'), await of(undefined)];
      const ids = [draft, active, ended, none];
      const told = async (query: { status?: string; publishedOnly?: boolean }) => (await archive.list({ limit: 10, ids, ...query })).map((row) => row.campaignId);
      expect(new Set(await told({}))).toEqual(new Set(ids));
      expect(await told({ status: 'active' })).toEqual([active]);
      expect(new Set(await told({ publishedOnly: true }))).toEqual(new Set([active, ended, none]));
      expect(await told({ status: 'draft', publishedOnly: true })).toEqual([]);
      expect(await archive.list({ limit: 10, ids: [] })).toEqual([]);
      expect((await archive.list({ limit: 3 })).length).toBe(3);
    });

    test('A21 a commit of thousands of entries and tens of megabytes is one commit', async () => {
      const body = 'x'.repeat(200_000);
      const histories = Array.from({ length: 120 }, () => fresh({ slug: 's', title: 'T', body }));
      for (const history of histories) {
        await history.createIn(archive);
        for (let index = 0; index < 50; index += 1) history.add({ index });
      }
      const parts = histories.map((history) => history.commitAfter(1));
      const conflicting = inEpoch(part(parts, 60), 'another-epoch');
      const outcomes = await archive.commit(parts.with(60, conflicting));
      expect(outcomes.map(({ kind }) => kind)).toEqual(histories.map((_, index) => (index === 60 ? 'conflict' : 'committed')));
      const heads = new Map((await archive.heads(histories.map(({ campaignId }) => campaignId))).map(({ campaignId, head }) => [campaignId, head.version]));
      expect([...heads.values()].filter((version) => version === 51)).toHaveLength(119);
      const refused = parts.map((each) => ({ ...each, expected: { ...each.expected, version: 51 }, entries: [] }));
      expect((await archive.commit(refused)).filter(({ kind }) => kind === 'conflict')).toHaveLength(1);
    });

    test('A22 what was handed in or out is nobody else’s: changing it later changes nothing stored', async () => {
      const state: JsonObject = { slug: 's', title: 'T', features: ['a'] };
      const history = fresh(state);
      const [first] = history.entries;
      if (!first) throw new Error('no first entry');
      await archive.create(history.campaignId, first, state);
      state['title'] = 'changed';
      const loaded = await archive.load(history.campaignId, 1);
      if (loaded) loaded.state['title'] = 'changed too';
      expect((await archive.load(history.campaignId, 1))?.state).toEqual({ slug: 's', title: 'T', features: ['a'] });
    });

    test('A23 it answers a ping; what was asked before a stop is answered, what is asked after it is rejected', async () => {
      await archive.ping();
      const other = await createWorld();
      const stopped = await other.open({ soleUser: true });
      const before = Promise.allSettled([stopped.ping(), stopped.load('any', 1), campaignHistory('last').createIn(stopped), stopped.list({ limit: 1 })]);
      const stop = stopped.stop({ clean: true });
      const after = Promise.allSettled([stopped.ping(), stopped.load('any', 1)]);
      for (const call of await before) expect(call.status).toBe('fulfilled');
      for (const call of await after) expect(call).toMatchObject({ status: 'rejected', reason: { name: 'ArchiveError', kind: 'stopped' } });
      await stop;
      await stopped.stop({ clean: true });
      await expect(stopped.ping()).rejects.toMatchObject({ name: 'ArchiveError', kind: 'stopped' });
      await other.dispose();
    });
  });

  describe(`the archive's restarts: ${name}`, () => {
    let world: ArchiveWorld;
    beforeEach(async () => {
      world = await createWorld();
    });
    afterEach(() => world.dispose());

    /** One start of the service: opens, does something, stops. */
    const run = async <T>(stop: { clean: boolean }, use: (archive: Archive) => Promise<T>, soleUser = true): Promise<T> => {
      const archive = await world.open({ soleUser });
      try {
        return await use(archive);
      } finally {
        await archive.stop(stop);
      }
    };

    const enter = async (archive: Archive, { campaignId, epoch, entries }: CampaignHistory, generation: number): Promise<void> => {
      expect(await archive.enterLog(campaignId, { epoch, version: entries.length, generation })).toBe(true);
    };

    test('A25 everything is there after a restart; a clean stop of a sole user frees the seats that it took, an unclean one does not', async () => {
      const history = campaignHistory('kept');
      const before = await run({ clean: true }, async (archive) => {
        await history.createIn(archive);
        await enter(archive, history, 0);
        history.add({ title: 'Two' });
        await archive.commit([history.commitAfter(1)]);
        return await archive.load('kept', 10);
      });
      expect(before?.seat).toEqual({ generation: 1, taken: true });
      await run({ clean: false }, async (archive) => {
        expect(await archive.load('kept', 10)).toEqual({ ...before, seat: { generation: 1, taken: false } });
        await enter(archive, history, 1);
      });
      await run({ clean: true }, async (archive) => {
        expect(await archive.load('kept', 10)).toEqual({ ...before, seat: { generation: 2, taken: true } });
      });
    });

    test('A26 a seat that was left taken by a crash stays so until its campaign enters again, whatever stops cleanly in between', async () => {
      const [crashed, used] = [campaignHistory('crashed'), campaignHistory('used')];
      await run({ clean: false }, async (archive) => {
        for (const history of [crashed, used]) {
          await history.createIn(archive);
          await enter(archive, history, 0);
        }
      });
      await run({ clean: true }, (archive) => enter(archive, used, 1));
      await run({ clean: true }, async (archive) => {
        expect((await archive.load('crashed', 0))?.seat).toEqual({ generation: 1, taken: true });
        expect((await archive.load('used', 0))?.seat).toEqual({ generation: 2, taken: false });
      });
    });

    test('A27 a sole user that was overtaken frees no seat of its successor', async (context) => {
      if (!world.shared) context.skip('it has one user only');
      const history = campaignHistory('overtaken');
      const first = await world.open({ soleUser: true });
      await history.createIn(first);
      await enter(first, history, 0);
      await run({ clean: true }, (second) => enter(second, history, 1), false);
      await first.stop({ clean: true });
      expect(await run({ clean: true }, (archive) => archive.load('overtaken', 0))).toMatchObject({ seat: { generation: 2, taken: true } });
    });

    test('A27 with other users, whose log goes on, a stop frees no seat', async (context) => {
      if (!world.shared) context.skip('it has one user only');
      const history = campaignHistory('shared');
      await run({ clean: true }, async (archive) => {
        await history.createIn(archive);
        await enter(archive, history, 0);
      }, false);
      expect(await run({ clean: true }, (archive) => archive.load('shared', 0))).toMatchObject({ seat: { generation: 1, taken: true } });
    });
  });
}

/** What the databases alone refuse, whose text holds no U+0000. */
export function refusesValues(name: string, open: () => Promise<Archive>): void {
  test(`A7 a value that the database refuses refuses the whole commit, and without it the rest passes: ${name}`, async () => {
    const archive = await open();
    const [good, bad] = [campaignHistory('good'), campaignHistory('bad')];
    await Promise.all([good.createIn(archive), bad.createIn(archive)]);
    good.add({ title: 'Good' });
    bad.add({ title: 'Bad' }, { actor: { id: 'U+0000 is \u0000', role: 'editor' } });
    await expect(archive.commit([good.commitAfter(1), bad.commitAfter(1)])).rejects.toMatchObject({ name: 'ArchiveError', kind: 'data' });
    expect((await archive.heads(['good', 'bad'])).map(({ head }) => head.version)).toEqual([1, 1]);
    expect(await archive.commit([good.commitAfter(1)])).toEqual([{ campaignId: 'good', kind: 'committed' }]);
    await archive.stop({ clean: true });
  });
}

/** Objects that pass as documents: no nulls, no lone surrogates, no U+0000. */
const anyText = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\u0000', ''));
const anyKey = anyText.filter((key) => key !== '__proto__');
const anyObject: fc.Arbitrary<JsonObject> = fc.dictionary(
  anyKey,
  fc.oneof(anyText, fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0), fc.boolean(), fc.array(fc.integer()), fc.dictionary(anyKey, anyText)),
  { maxKeys: 6 },
).map((object): JsonObject => JSON.parse(JSON.stringify(object)));

function part<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}.`);
  return item;
}

function inEpoch(commit: CampaignCommit, epoch: string): CampaignCommit {
  return { ...commit, expected: { ...commit.expected, epoch } };
}

function ghost(commit: CampaignCommit): CampaignCommit {
  return { ...commit, campaignId: 'ghost' };
}
