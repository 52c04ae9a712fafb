import { describe, expect, it } from 'vitest';
import { changedPaths, describeChange } from '../../../demo/src/history/describe-change.ts';
import { groupEntries } from '../../../demo/src/history/group-entries.ts';
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
  groupEntries(newestFirst).map(({ entries }) => entries.map(({ version }) => version));

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
