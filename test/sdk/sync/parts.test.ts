import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold, positionOf, type Mirror } from '../../../client-sdk/src/sync/mirror.ts';
import { shareStructure } from '../../../client-sdk/src/sync/structural-sharing.ts';
import { plainOf } from '../../../server/core/document/document-tree.ts';
import { mergeHistory } from '../../../client-sdk/src/history/merge-history.ts';
import type { Entry } from '../../../server/core/stream/entry.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import type { WatchEvent } from '../../../server/core/stream/events.ts';

function entry(version: number, change: JsonObject = { counter: version }): Entry {
  const actor = { id: 'someone', role: 'editor' } as const;
  return {
    version,
    type: 'update',
    change,
    actor,
    mutationId: `m${version}`,
    correlationId: 'c',
    at: version,
    format: 1,
  };
}

const SNAPSHOT: WatchEvent = {
  type: 'snapshot',
  position: 'e1:5',
  durableVersion: 3,
  state: { slug: 's', title: 'S' },
  reason: 'start',
};

function folded(mirror: Mirror | undefined, ...events: WatchEvent[]): Mirror {
  return events.reduce<Mirror | undefined>((before, event) => {
    const result = fold(before, event);
    if (result.kind === 'gap') throw new Error('a gap');
    return result.mirror;
  }, mirror) as Mirror;
}

test('K31 the mirror folds a snapshot, contiguous entries and the watermark', () => {
  const mirror = folded(undefined, SNAPSHOT, {
    type: 'entries',
    epoch: 'e1',
    entries: [entry(6), entry(7, { title: 'T' })],
  });
  expect(positionOf(mirror)).toBe('e1:7');
  expect(mirror.content.state).toEqual({ slug: 's', title: 'T', counter: 6 });
  expect(mirror.recent.map(({ version }) => version)).toEqual([6, 7]);
  expect(folded(mirror, { type: 'durable', position: 'e1:6' }).durableVersion).toBe(6);
  expect(folded(mirror, { type: 'durable', position: 'e1:2' }).durableVersion).toBe(3);
});

test('K31 the mirror refuses a gap, and entries before any snapshot, and folds no entry twice', () => {
  const mirror = folded(undefined, SNAPSHOT);
  expect(fold(mirror, { type: 'entries', epoch: 'e1', entries: [entry(7)] })).toEqual({ kind: 'gap' });
  expect(fold(mirror, { type: 'entries', epoch: 'e1', entries: [entry(6), entry(8)] })).toEqual({ kind: 'gap' });
  expect(fold(undefined, { type: 'entries', epoch: 'e1', entries: [entry(1)] })).toEqual({ kind: 'gap' });
  expect(fold(undefined, { type: 'durable', position: 'e1:1' })).toEqual({ kind: 'gap' });
  expect(folded(mirror, { type: 'entries', epoch: 'e1', entries: [entry(5), entry(6)] }).version).toBe(6);
});

test('K31 the mirror continues under the epoch in which the server resumed it', () => {
  const mirror = folded(undefined, SNAPSHOT);
  expect(positionOf(folded(mirror, { type: 'entries', epoch: 'e2', entries: [entry(6)] }))).toBe('e2:6');
  // Nothing has happened since: the watermark alone says so.
  expect(folded(mirror, { type: 'durable', position: 'e2:5' })).toMatchObject({
    epoch: 'e2',
    version: 5,
    durableVersion: 5,
  });
});

test('K31 the mirror knows when the campaign is archived and restored', () => {
  const archived = folded(undefined, SNAPSHOT, {
    type: 'entries',
    epoch: 'e1',
    entries: [{ version: 6, type: 'archive', change: {}, at: 99 }],
  });
  expect(archived.content.archivedAt).toBe(99);
  const restored = folded(archived, {
    type: 'entries',
    epoch: 'e1',
    entries: [{ version: 7, type: 'restore', change: {}, at: 100 }],
  });
  expect(restored.content.archivedAt).toBeUndefined();
});

test('K32 structural sharing: the result equals the new value, and its unchanged parts are the old objects', () => {
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(1, 'a', true, null),
      fc.array(tie('value'), { maxLength: 3 }),
      tie('object'),
    ),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  }));
  fc.assert(
    fc.property(json.object, json.object, (before, after) => {
      const previous = before as JsonObject;
      const shared = plainOf(shareStructure(previous, structuredClone(after) as JsonObject));
      expect(shared).toEqual(after);
      for (const key of Object.keys(shared)) {
        const [mine, old] = [shared[key], previous[key]];
        if (typeof mine === 'object' && JSON.stringify(mine) === JSON.stringify(old)) expect(mine).toBe(old);
      }
      expect(shareStructure(previous, structuredClone(previous))).toBe(previous);
    }),
  );
});

test('K45 pages and live entries are one list; a gap between them is found', () => {
  const pages = [{ items: [entry(5), entry(4)] }, { items: [entry(3)] }];
  expect(mergeHistory(pages, [entry(5), entry(6), entry(7)]).entries.map(({ version }) => version)).toEqual([
    7, 6, 5, 4, 3,
  ]);
  expect(mergeHistory(pages, [entry(7)])).toMatchObject({ hasGap: true });
  expect(mergeHistory([], [])).toEqual({ entries: [], hasGap: false });
});
