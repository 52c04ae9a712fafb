import { describe, expect, it } from 'vitest';
import { changedPaths, describeChange } from '../../../demo/src/history/describe-change.ts';
import { createGrouping } from '../../../demo/src/history/group-entries.ts';
import type { Edit } from '../../../demo/src/history/group-entries.ts';

const entry = (version: number, change: Record<string, unknown>, more: Partial<Edit> = {}): Edit => ({
  version,
  type: 'update',
  at: version * 1_000,
  actor: { id: 'ana' },
  change,
  ...more,
});

/** The versions of each row. */
const rows = (newestFirst: Edit[]) =>
  createGrouping()(newestFirst).map(({ entries }) => entries.map(({ version }) => version));

describe('the rows of the history', () => {
  it('D7 makes one row of the strokes of one sitting', () => {
    expect(rows([entry(3, { title: 'abc' }), entry(2, { title: 'ab' }), entry(1, { title: 'a' })])).toEqual([
      [3, 2, 1],
    ]);
  });

  it('D7 keeps apart other people, other places, other kinds and other sittings', () => {
    expect(rows([entry(2, { title: 'b' }, { actor: { id: 'ben' } }), entry(1, { title: 'a' })])).toEqual([[2], [1]]);
    expect(rows([entry(2, { description: 'b' }), entry(1, { title: 'a' })])).toEqual([[2], [1]]);
    expect(rows([entry(2, { title: 'b' }, { type: 'rollback' }), entry(1, { title: 'a' })])).toEqual([[2], [1]]);
    expect(rows([entry(2, { title: 'b' }, { at: 100_000 }), entry(1, { title: 'a' })])).toEqual([[2], [1]]);
  });

  it('D53 a group keeps its key while it grows at either end, and one that is as it was is the same object', () => {
    const grouping = createGrouping();
    const [one, two, three] = [entry(2, { title: 'a' }), entry(3, { title: 'ab' }), entry(4, { theme: { radius: 1 } })];
    const before = grouping([three, two, one]);
    expect(before.map(({ entries }) => entries.length)).toEqual([1, 2]);
    // A new sitting above, and an older stroke of the old one below.
    const after = grouping([entry(5, { description: 'x' }), three, two, one, entry(1, { title: '' })]);
    expect(after.map(({ entries }) => entries.length)).toEqual([1, 1, 3]);
    expect(after[1]).toBe(before[0]);
    expect(after[2]?.key).toBe(before[1]?.key);
    expect(new Set(after.map(({ key }) => key)).size).toBe(3);
  });

  it('D53 groups that come apart have keys of their own', () => {
    const grouping = createGrouping();
    const [one, two, three] = [entry(1, { title: 'a' }), entry(2, { title: 'ab' }), entry(3, { title: 'abc' })];
    expect(grouping([three, two, one])).toHaveLength(1);
    const apart = grouping([three, entry(2, { theme: { radius: 1 } }), one]);
    expect(new Set(apart.map(({ key }) => key)).size).toBe(3);
  });

  it('D163 the group that is held stays, in its place, while its entries are not among those loaded', () => {
    const grouping = createGrouping();
    const made = (version: number) => entry(version, { [`place${version}`]: true });
    const before = grouping([made(3), made(2), made(1)]);
    const held = before[1];
    const versions = (groups: readonly { newest: Edit }[]) => groups.map(({ newest }) => newest.version);
    const without = grouping([made(9), made(8)], held?.key);
    expect(versions(without)).toEqual([9, 8, 2]);
    expect(without[2]).toBe(held);
    expect(versions(grouping([made(10), made(9), made(1)], held?.key))).toEqual([10, 9, 2, 1]);
    // Loaded again it is the same row.
    const again = grouping([made(3), made(2), made(1)], held?.key);
    expect(versions(again)).toEqual([3, 2, 1]);
    expect(again[1]?.key).toBe(held?.key);
    expect(versions(grouping([made(9)]))).toEqual([9]);
    const [newest] = grouping([made(11), made(10)]);
    expect(versions(grouping([made(2), made(1)], newest?.key))).toEqual([2, 1]);
  });

  it('D7 names the places that a change touched', () => {
    expect(changedPaths({ title: 'x', theme: { primary: '#fff', accent: null }, features: ['a'], views: {} })).toEqual([
      'title',
      'theme.primary',
      'theme.accent',
      'features',
      'views',
    ]);
  });

  it('D7 says what was there before, and what after', () => {
    const before = { title: 'Old', theme: { primary: '#000' }, features: ['a', 'b'] };
    expect(describeChange(before, { title: 'New', theme: { primary: null, radius: 8 }, features: ['b', 'c'] })).toEqual(
      [
        { kind: 'value', path: 'title', before: 'Old', after: 'New' },
        { kind: 'value', path: 'theme.primary', before: '#000', after: undefined },
        { kind: 'value', path: 'theme.radius', before: undefined, after: '8' },
        { kind: 'set', path: 'features', added: ['c'], removed: ['a'] },
      ],
    );
  });
});
