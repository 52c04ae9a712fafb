import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { JsonObject } from '../../server/core/json.ts';
import type { Archive, CampaignCommit } from '../../server/engine/ports.ts';
import { campaignHistory, part, type CampaignHistory } from './campaign-history.ts';

/** The archive that a contract is asked of, and campaigns for its tests. */
export interface CommitTests {
  archive(): Archive;
  /** A campaign of its own. */
  fresh(state?: JsonObject): CampaignHistory;
  created(state?: JsonObject): Promise<CampaignHistory>;
  /** Created, and grown by so many entries. */
  grown(versions: number): Promise<CampaignHistory>;
}

/**
 * The part of the contract that is about commits: their guards, what they refuse, and that everything comes back as it
 * was.
 */
export function commitTests({ archive, fresh, created, grown }: CommitTests): void {
  test('A3 a commit moves the head, the state and what lists show', async () => {
    const history = await created();
    history.add({ title: 'Second', status: 'active' });
    history.add({}, { type: 'archive', command: { type: 'archive' } });
    await archive().commit([history.commitAfter(1)]);
    const last = history.entries.at(-1);
    expect(await archive().load(history.campaignId, 10)).toEqual({
      head: { epoch: history.epoch, version: 3, tail: last?.tail },
      state: history.contents.at(-1)?.state,
      archivedAt: last?.record.at,
      updatedAt: last?.record.at,
      updatedBy: 'actor-3',
      lineage: [],
      membership: { generation: 0, active: false },
      recent: history.entries,
      former: [],
    });
    const [row] = await archive().list({ limit: 1, ids: [history.campaignId] });
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
    await archive().commit([history.commitAfter(3)]);
    const [restored] = await archive().list({ limit: 1, ids: [history.campaignId] });
    expect(restored).not.toHaveProperty('archivedAt');
    expect(restored?.status).toBeUndefined();
  });

  test('A4 one commit takes many campaigns; parts whose guard fails are left out and reported with the present head', async () => {
    const histories = await Promise.all(Array.from({ length: 5 }, () => grown(3)));
    const parts = histories.map((history) => {
      history.add({ title: 'Fourth' });
      return history.commitAfter(3);
    });
    const stale = part(histories, 1).commitAfter(2);
    const strange = inEpoch(part(parts, 3), 'another-epoch');
    const outcomes = await archive().commit([
      part(parts, 0),
      stale,
      part(parts, 2),
      strange,
      part(parts, 4),
      ghost(part(parts, 0)),
    ]);
    const head = (index: number) => ({
      epoch: histories[index]?.epoch,
      version: 3,
      tail: histories[index]?.entries[2]?.tail,
    });
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
      const loaded = await archive().load(history.campaignId, 10);
      expect(loaded?.recent).toEqual(conflicting ? history.entries.slice(0, 3) : history.entries);
      expect(loaded?.state).toEqual(history.contents[conflicting ? 3 : 4]?.state);
    }
    expect(await archive().load('ghost', 1)).toBeUndefined();
  });

  test('A5 a commit that is repeated, because its outcome was not known, conflicts with its own head', async () => {
    const history = await created();
    history.add({ title: 'Once' });
    await archive().commit([history.commitAfter(1)]);
    expect(await archive().commit([history.commitAfter(1)])).toEqual([
      {
        campaignId: history.campaignId,
        kind: 'conflict',
        head: { epoch: history.epoch, version: 2, tail: history.entries[1]?.tail },
      },
    ]);
    expect(await archive().history(history.campaignId, undefined, 10)).toHaveLength(2);
  });

  test('A6 of concurrent commits on one head exactly one passes', async () => {
    const history = await created();
    const rivals = Array.from({ length: 8 }, (_, index) => {
      const rival = campaignHistory(history.campaignId);
      rival.add({ title: `Rival ${index}` }, { mutationId: `rival-${index}` });
      return rival.commitAfter(1);
    });
    const outcomes = (await Promise.all(rivals.map((rival) => archive().commit([rival])))).flat();
    const winner = outcomes.findIndex(({ kind }) => kind === 'committed');
    expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
    expect((await archive().load(history.campaignId, 1))?.state).toEqual(rivals[winner]?.state);
    expect(await archive().history(history.campaignId, undefined, 10)).toHaveLength(2);
  });

  test.each([
    ['one entry', 1, false],
    ['a hundred entries, with a checkpoint', 100, false],
    ['one entry, beside another campaign', 1, true],
  ])(
    'A87 a part whose entries do not follow on the tail of the head is left out, though epoch and version fit: %s',
    async (_name, entries, withOther) => {
      const history = await created();
      history.add({ title: 'Stored' });
      await archive().commit([history.commitAfter(1)]);
      const head = { epoch: history.epoch, version: 2, tail: history.entries[1]?.tail };
      // The same campaign as another cluster, or a row changed by hand, has it.
      const elsewhere = campaignHistory(history.campaignId);
      elsewhere.add({ title: 'Stored elsewhere' });
      for (let index = 0; index < entries; index += 1) elsewhere.add({ index });
      const other = await created();
      other.add({ title: 'Beside it' });
      const parts = [elsewhere.commitAfter(2), ...(withOther ? [other.commitAfter(1)] : [])];
      const outcomes = await archive().commit(parts);
      expect(outcomes[0]).toEqual({ campaignId: history.campaignId, kind: 'conflict', head });
      if (withOther) expect(outcomes[1]).toEqual({ campaignId: other.campaignId, kind: 'committed' });
      const loaded = await archive().load(history.campaignId, 200);
      expect(loaded?.recent).toEqual(history.entries);
      expect(loaded?.state).toEqual(history.contents[2]?.state);
      history.add({ title: 'Goes on' });
      expect(await archive().commit([history.commitAfter(2)])).toMatchObject([{ kind: 'committed' }]);
    },
  );

  test('A7 a part that is refused refuses the whole commit, as an error of kind data; without it the rest passes', async () => {
    const [good, bad] = [await created(), await created()];
    good.add({ title: 'Good' });
    bad.add({ title: 'Bad' }, { version: 3 });
    await expect(archive().commit([good.commitAfter(1), bad.commitAfter(1)])).rejects.toMatchObject({
      name: 'ArchiveError',
      kind: 'data',
    });
    expect((await archive().heads([good.campaignId, bad.campaignId])).map(({ head }) => head.version)).toEqual([1, 1]);
    await expect(archive().commit([bad.commitAfter(1)])).rejects.toMatchObject({ kind: 'data' });
    expect(await archive().commit([good.commitAfter(1)])).toEqual([{ campaignId: good.campaignId, kind: 'committed' }]);
  });

  test('A8 entries with a gap before or between them are refused (G8)', async () => {
    const history = await created();
    for (let index = 0; index < 4; index += 1) history.add({ index });
    const whole = history.commitAfter(1);
    const refused = { name: 'ArchiveError', kind: 'data' };
    await expect(archive().commit([{ ...whole, entries: whole.entries.slice(1) }])).rejects.toMatchObject(refused);
    await expect(archive().commit([{ ...whole, entries: whole.entries.toSpliced(1, 1) }])).rejects.toMatchObject(
      refused,
    );
    expect((await archive().heads([history.campaignId]))[0]?.head.version).toBe(1);
  });

  test('A9 a part without entries confirms the head', async () => {
    const history = await created();
    const { campaignId } = history;
    expect(await archive().commit([history.commitAfter(1)])).toEqual([{ campaignId, kind: 'committed' }]);
    const elsewhere = { ...history.commitAfter(1), expected: { epoch: history.epoch, version: 7 } };
    expect(await archive().commit([elsewhere])).toMatchObject([{ campaignId, kind: 'conflict', head: { version: 1 } }]);
    expect(await archive().commit([])).toEqual([]);
  });

  test('A10 bytes are kept verbatim: order of keys, numbers as written, every legal character', async () => {
    const history = await created();
    const change = {
      z: 1e21,
      a: 0.1,
      '10': 1,
      '9': 2,
      nested: { y: [], x: {} },
      text: 'é e\u0301 \u2028 \u2029 😀 \ufeff "\\" \u0001 {,} \uffff \t',
    };
    history.add(change, { comment: "'; drop table entries; --", mutationId: 'weird {"id"} \\ 😀' });
    const plain = history.add({ plain: true });
    // As another version of the server might have written it: other spaces and spellings of the same values, twice the
    // same key.
    const bytes = plain.bytes
      .replace('{', '{ "format": 1 ,\t')
      .replace('"plain":true', '"plain":true,"\\u0078":1.0E+2,"gone":"\\u0000 \\ud800"');
    const sealed = { record: JSON.parse(bytes), bytes, tail: plain.tail };
    await archive().commit([{ ...history.commitAfter(1), entries: [part(history.entries, 1), sealed] }]);
    const stored = (await archive().load(history.campaignId, 10))?.recent ?? [];
    expect(stored.map((entry) => entry.bytes)).toEqual([history.entries[0]?.bytes, history.entries[1]?.bytes, bytes]);
    expect(stored.map((entry) => entry.record)).toEqual(stored.map((entry) => JSON.parse(entry.bytes)));
    expect((await archive().findMutation(history.campaignId, 'weird {"id"} \\ 😀')).entry).toEqual(history.entries[1]);
  });

  test('A11 any document and any change come back equal', async () => {
    await fc.assert(
      fc.asyncProperty(anyObject, anyObject, async (first, second) => {
        const history = await created({ ...first, title: 'Any' });
        history.add(second);
        await archive().commit([history.commitAfter(1)]);
        const loaded = await archive().load(history.campaignId, 2);
        expect(loaded?.recent).toEqual(history.entries);
        expect(loaded?.state).toEqual(JSON.parse(JSON.stringify(history.contents[2]?.state)));
      }),
      { numRuns: 25 },
    );
  });

  test('A21 a commit of thousands of entries and tens of megabytes is one commit', async () => {
    const body = 'x'.repeat(200_000);
    const histories = Array.from({ length: 120 }, () => fresh({ slug: 's', title: 'T', body }));
    for (const history of histories) {
      await history.createIn(archive());
      for (let index = 0; index < 50; index += 1) history.add({ index });
    }
    const parts = histories.map((history) => history.commitAfter(1));
    const conflicting = inEpoch(part(parts, 60), 'another-epoch');
    const outcomes = await archive().commit(parts.with(60, conflicting));
    expect(outcomes.map(({ kind }) => kind)).toEqual(
      histories.map((_, index) => (index === 60 ? 'conflict' : 'committed')),
    );
    const heads = new Map(
      (await archive().heads(histories.map(({ campaignId }) => campaignId))).map(({ campaignId, head }) => [
        campaignId,
        head.version,
      ]),
    );
    expect([...heads.values()].filter((version) => version === 51)).toHaveLength(119);
    const refused = parts.map((each) => ({ ...each, expected: { ...each.expected, version: 51 }, entries: [] }));
    expect((await archive().commit(refused)).filter(({ kind }) => kind === 'conflict')).toHaveLength(1);
  });
}

/** Objects that pass as documents: no nulls, no lone surrogates, no U+0000. */
const anyText = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\u0000', ''));
const anyKey = anyText.filter((key) => key !== '__proto__');
const anyObject: fc.Arbitrary<JsonObject> = fc
  .dictionary(
    anyKey,
    fc.oneof(
      anyText,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.boolean(),
      fc.array(fc.integer()),
      fc.dictionary(anyKey, anyText),
    ),
    { maxKeys: 6 },
  )
  .map((object): JsonObject => JSON.parse(JSON.stringify(object)));

function inEpoch(commit: CampaignCommit, epoch: string): CampaignCommit {
  return { ...commit, expected: { ...commit.expected, epoch } };
}

function ghost(commit: CampaignCommit): CampaignCommit {
  return { ...commit, campaignId: 'ghost' };
}
