import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../server/core/json.ts';
import { LIMITS } from '../../server/core/limits.ts';
import type { KeyedArchive } from '../../server/archive/keyed-archive.ts';
import type { ListQuery } from '../../server/engine/ports.ts';
import { accessKeyContract } from '../access/contract.ts';
import type { ArchiveWorld } from './archive-world.ts';
import { campaignHistory, part, type CampaignHistory } from './campaign-history.ts';
import { commitTests } from './commits.ts';
import { analyticsTests } from './analytics.ts';
import { heldPlaceTests } from './held-places.ts';
import { auditTests } from './audit.ts';
import { compactionTests } from './compaction.ts';
import { deletionTests } from './deletions.ts';
import { historyTests } from './histories.ts';
import { redactionTests } from './redactions.ts';
import { archiveRestarts } from './restarts.ts';

/** The contract of every implementation of the port. */
export function archiveContract(name: string, createWorld: () => Promise<ArchiveWorld>): void {
  describe(`the archive's contract: ${name}`, () => {
    let world: ArchiveWorld;
    let archive: KeyedArchive;
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
      for (let version = 2; version <= versions; version += 1)
        history.add({ title: `Version ${version}`, [`key${version % 7}`]: version });
      expect(await archive.commit([history.commitAfter(1)])).toEqual([
        { campaignId: history.campaignId, kind: 'committed' },
      ]);
      return history;
    };

    accessKeyContract(
      () => archive,
      async () => (await created()).campaignId,
    );

    test('A1 a created campaign is loaded as it was given; an unknown one is undefined', async () => {
      const history = await created({ slug: 's', title: 'Spring', features: ['a'], ui_content: { banner: 'Hi' } });
      expect(await archive.load(history.campaignId, 10)).toEqual({
        head: { epoch: history.epoch, version: 1, tail: history.entries[0]?.tail },
        state: { slug: 's', title: 'Spring', features: ['a'], ui_content: { banner: 'Hi' } },
        archivedAt: undefined,
        updatedAt: history.entries[0]?.record.at,
        updatedBy: 'actor-1',
        lineage: [],
        membership: { generation: 0, active: false },
        recent: history.entries,
        former: [],
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

    commitTests({ archive: () => archive, fresh, created, grown });
    historyTests({ archive: () => archive, fresh, created, grown });
    auditTests({ archive: () => archive, fresh, created, grown });
    analyticsTests(() => archive);
    heldPlaceTests(() => archive);
    compactionTests({ archive: () => archive, fresh, created, grown });
    deletionTests({ archive: () => archive, fresh, created, grown });
    redactionTests({ archive: () => archive, fresh, created, grown });

    test('A12 a mutation is found by its id, in its campaign only', async () => {
      const history = await grown(4);
      const other = await created();
      expect((await archive.findMutation(history.campaignId, `${history.campaignId}-mutation-3`)).entry).toEqual(
        history.entries[2],
      );
      expect(await archive.findMutation(other.campaignId, `${history.campaignId}-mutation-3`)).toEqual({
        entry: undefined,
        knownFrom: 1,
      });
      expect(await archive.findMutation('unknown', 'unknown')).toEqual({ entry: undefined, knownFrom: 1 });
    });

    test('A29 an entry under a mutation id that its campaign has already is kept like any other, and the id finds the first (G3)', async () => {
      const history = await created();
      const first = history.add({ title: 'First' }, { mutationId: 'twice' });
      await archive.commit([history.commitAfter(1)]);
      history.add({ title: 'Later' }, { mutationId: 'twice' });
      history.add({ title: 'Between' });
      history.add({ title: 'In one commit' }, { mutationId: 'again' });
      history.add({ title: 'In the same' }, { mutationId: 'again' });
      expect(await archive.commit([history.commitAfter(2)])).toEqual([
        { campaignId: history.campaignId, kind: 'committed' },
      ]);
      expect((await archive.load(history.campaignId, 10))?.recent).toEqual(history.entries);
      expect(await archive.stateAt(history.campaignId, 6)).toEqual(history.contents[6]?.state);
      expect((await archive.findMutation(history.campaignId, 'twice')).entry).toEqual(first);
      expect((await archive.findMutation(history.campaignId, 'again')).entry).toEqual(history.entries[4]);
    });

    test('A13 a campaign enters the log under the next generation, through one of several attempts, and keeps head and epoch', async () => {
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
      expect(await archive.load(campaignId, 10)).toEqual({ ...before, membership: { generation: 1, active: true } });
    });

    test('A14 it may enter in a new epoch, which the lineage records, oldest first; the old epoch commits nothing any more', async () => {
      const history = await created();
      const { campaignId, epoch: first } = history;
      history.add({ title: 'Never stored' });
      const late = history.commitAfter(1);
      const tries = await Promise.all(
        ['x', 'y', 'z'].map((epoch) =>
          archive.enterLog(campaignId, { epoch: first, version: 1, generation: 0 }, epoch),
        ),
      );
      expect(tries.filter(Boolean)).toHaveLength(1);
      const second = part(['x', 'y', 'z'], tries.indexOf(true));
      expect(await archive.enterLog(campaignId, { epoch: second, version: 1, generation: 1 }, 'a-third')).toBe(true);
      expect(await archive.commit([late])).toMatchObject([
        { kind: 'conflict', head: { epoch: 'a-third', version: 1 } },
      ]);
      const continued = campaignHistory(campaignId);
      continued.epoch = 'a-third';
      continued.add({ title: 'Stored' });
      expect(await archive.commit([continued.commitAfter(1)])).toMatchObject([{ kind: 'committed' }]);
      expect(await archive.enterLog(campaignId, { epoch: 'a-third', version: 2, generation: 2 }, 'fourth')).toBe(true);
      const loaded = await archive.load(campaignId, 10);
      expect(loaded).toMatchObject({
        head: { epoch: 'fourth', version: 2, tail: continued.entries[1]?.tail },
        membership: { generation: 3, active: true },
      });
      expect(loaded?.lineage).toEqual([
        { epoch: second, parent: first, fromVersion: 1 },
        { epoch: 'a-third', parent: second, fromVersion: 1 },
        { epoch: 'fourth', parent: 'a-third', fromVersion: 2 },
      ]);
      expect(loaded?.recent.map((entry) => entry.record.epoch)).toEqual([first, 'a-third']);
    });

    test('A24 a campaign that leaves the log ends its membership, unless a later generation has entered by now', async () => {
      const history = await created();
      const { campaignId, epoch } = history;
      const membership = async () => (await archive.load(campaignId, 0))?.membership;
      await archive.enterLog(campaignId, { epoch, version: 1, generation: 0 });
      await archive.leaveLog(campaignId, 0);
      expect(await membership()).toEqual({ generation: 1, active: true });
      await archive.leaveLog(campaignId, 1);
      expect(await membership()).toEqual({ generation: 1, active: false });
      expect(await archive.enterLog(campaignId, { epoch, version: 1, generation: 1 })).toBe(true);
      await archive.leaveLog(campaignId, 1);
      expect(await membership()).toEqual({ generation: 2, active: true });
      await archive.leaveLog('unknown', 1);
    });

    test('A15 heads are returned for the campaigns that exist', async () => {
      const [one, two] = [await grown(2), await created()];
      const heads = await archive.heads([one.campaignId, 'unknown', two.campaignId]);
      expect(new Map(heads.map(({ campaignId, head }) => [campaignId, head]))).toEqual(
        new Map(
          [one, two].map((history) => [
            history.campaignId,
            { epoch: history.epoch, version: history.entries.length, tail: history.entries.at(-1)?.tail },
          ]),
        ),
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

    test('A17 the history is returned newest first, page by page', async () => {
      const history = await grown(25);
      const returned = [];
      for (let before: number | undefined; ;) {
        const page = await archive.history(history.campaignId, before, 10);
        returned.push(...page);
        if (page.length < 10) break;
        before = page.at(-1)?.record.version;
      }
      expect(returned).toEqual(history.entries.toReversed());
      expect(await archive.history(history.campaignId, 1, 10)).toEqual([]);
      expect(await archive.history('unknown', undefined, 10)).toEqual([]);
    });

    test('A63 a page of the history, and what a load brings, end with the entry that reaches 1 MiB, and hold one at least (G10)', async () => {
      const history = await created();
      // Of two bytes each: what is counted is the bytes, not the characters.
      const half = 'é'.repeat(LIMITS.pageBytes / 8);
      for (const text of [half, half, half, half, half, 'é'.repeat(LIMITS.pageBytes), 'small'])
        history.add({ text }, { command: { type: 'create' } });
      await archive.commit([history.commitAfter(1)]);
      const returned = [];
      for (let before: number | undefined; before !== 1; before = returned.at(-1)?.at(-1)) {
        returned.push((await archive.history(history.campaignId, before, 100)).map(({ record }) => record.version));
      }
      expect(returned).toEqual([
        [8, 7],
        [6, 5, 4, 3],
        [2, 1],
      ]);
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
          history.add(
            version % 50 === 0
              ? { gone: null, deep: null }
              : { gone: version, deep: { [`k${version % 5}`]: { version } } },
          );
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
      const returned: string[] = [];
      for (let cursor = 'order'; ;) {
        const page = await archive.list({ cursor, limit: 2, ids });
        returned.push(...page.map((row) => row.campaignId));
        if (page.length < 2) break;
        cursor = returned.at(-1) ?? '';
      }
      expect(returned).toEqual(ids);
    });

    test('A20 a list narrows to ids, to a status, and to what is published: everything that is not a draft', async () => {
      const of = async (status: string | undefined) =>
        (await created({ slug: 's', title: 'T', ...(status === undefined ? {} : { status }) })).campaignId;
      const [draft, active, ended, none] = [
        await of('draft'),
        await of('active'),
        await of('ended'),
        await of(undefined),
      ];
      const ids = [draft, active, ended, none];
      const listed = async (query: { status?: string; publishedOnly?: boolean }) =>
        (await archive.list({ limit: 10, ids, ...query })).map((row) => row.campaignId);
      expect(new Set(await listed({}))).toEqual(new Set(ids));
      expect(await listed({ status: 'active' })).toEqual([active]);
      expect(new Set(await listed({ publishedOnly: true }))).toEqual(new Set([active, ended, none]));
      expect(await listed({ status: 'draft', publishedOnly: true })).toEqual([]);
      expect(await archive.list({ limit: 10, ids: [] })).toEqual([]);
      expect((await archive.list({ limit: 3 })).length).toBe(3);
    });

    test('A126 a list is searched by id, title, owner and tag, narrowed, ordered, read by offset, and counted', async () => {
      const of = async (state: JsonObject) => (await created({ slug: 's', ...state })).campaignId;
      const [spring, uni, sea] = [
        await of({ title: 'Frühling ÉTÉ', owner_id: 'ada', tags: ['sale', 'a"b', 'x,y'] }),
        await of({ title: '日本の春', owner_id: 'Grace', tags: ['Sea'] }),
        await of({ title: 'autumn' }),
      ];
      const ids = [spring, uni, sea];
      const found = async (query: Partial<ListQuery>) => {
        const { limit: _limit, offset: _offset, sort: _sort, ...counted } = { limit: 10, ...query };
        const rows = (await archive.list({ limit: 10, ids, ...query })).map(({ campaignId }) => campaignId);
        if (query.offset === undefined) expect(await archive.count({ ids, ...counted })).toBe(rows.length);
        return rows;
      };
      expect(await found({ search: 'FRÜHLING été' })).toEqual([spring]);
      expect(await found({ search: 'の春' })).toEqual([uni]);
      expect(await found({ search: 'GRA' })).toEqual([uni]);
      expect(await found({ search: 'sE' })).toEqual([uni]);
      expect(await found({ search: uni.toUpperCase() })).toEqual([uni]);
      expect(await found({ search: '%' })).toEqual([]);
      expect(await found({ search: '","' })).toEqual([]);
      // What is not searched in finds nothing.
      expect(await found({ search: 'grace', searched: ['title', 'tags'] })).toEqual([]);
      expect(await found({ search: 'frühling', searched: [] })).toEqual([]);
      expect(await found({ owner: 'ada' })).toEqual([spring]);
      expect(await found({ owner: 'ad' })).toEqual([]);
      expect(await found({ tag: 'a"b' })).toEqual([spring]);
      expect(await found({ tag: 'b' })).toEqual([]);
      expect(await found({ archived: true })).toEqual([]);
      expect(await found({ archived: false, tag: 'sale' })).toEqual([spring]);
      expect(await found({ sort: 'title' })).toEqual([sea, spring, uni]);
      expect(await found({ sort: 'title', offset: 1, limit: 1 })).toEqual([spring]);
      expect(await found({ sort: 'title', offset: 9 })).toEqual([]);
      const byChange = await archive.list({ limit: 10, ids, sort: 'updated' });
      expect(byChange.map(({ updatedAt }) => updatedAt)).toEqual(
        byChange.map(({ updatedAt }) => updatedAt).toSorted((a, b) => b - a),
      );
      expect(byChange.find(({ campaignId }) => campaignId === spring)).toMatchObject({
        owner: 'ada',
        tags: ['sale', 'a"b', 'x,y'],
      });
      const bare = byChange.find(({ campaignId }) => campaignId === sea);
      expect([bare && 'owner' in bare, bare && 'tags' in bare]).toEqual([false, false]);
    });

    test('A22 objects handed in or out are not shared: changing them later changes nothing stored', async () => {
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

    test('A23 it answers a ping; calls made before a stop are answered, calls made after it are rejected', async () => {
      await archive.ping();
      const other = await createWorld();
      const stopped = await other.open({ soleUser: true });
      const before = Promise.allSettled([
        stopped.ping(),
        stopped.load('any', 1),
        campaignHistory('last').createIn(stopped),
        stopped.list({ limit: 1 }),
      ]);
      const stop = stopped.stop({ clean: true });
      const after = Promise.allSettled([stopped.ping(), stopped.load('any', 1)]);
      for (const call of await before) expect(call.status).toBe('fulfilled');
      for (const call of await after)
        expect(call).toMatchObject({ status: 'rejected', reason: { name: 'ArchiveError', kind: 'stopped' } });
      await stop;
      await stopped.stop({ clean: true });
      await expect(stopped.ping()).rejects.toMatchObject({ name: 'ArchiveError', kind: 'stopped' });
      await other.dispose();
    });
  });

  archiveRestarts(name, createWorld);
}
