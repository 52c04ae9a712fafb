import { expect, test } from 'vitest';
import { EVERYTHING, isEverything, matches, pathOf, timesOf } from '../../../demo/src/history/history-filter.ts';

const ENTRY = {
  version: 2,
  type: 'update',
  at: new Date('2027-03-02T12:00:00').getTime(),
  actor: { id: 'ada' },
  change: { ui_content: { banner: 'New', lead_form: { title: 'x' } } },
};
const matching = (filter: Partial<typeof EVERYTHING>) => matches(ENTRY, { ...EVERYTHING, ...filter });

test('D37 an entry is found by who made it, where, or in what it lies, and by its day', () => {
  expect(isEverything({ ...EVERYTHING, person: ' ' })).toBe(true);
  expect(matching({})).toBe(true);
  expect([matching({ person: ' ada ' }), matching({ person: 'grace' })]).toEqual([true, false]);
  expect(
    ['ui_content', 'ui_content.banner', 'ui_content.lead_form', 'ui_content.lead_form.title.deeper'].map((place) =>
      matching({ place }),
    ),
  ).toEqual([true, true, true, true]);
  expect(['ui', 'title', 'ui_content.cta'].map((place) => matching({ place }))).toEqual([false, false, false]);
  expect(matching({ from: '2027-03-02', to: '2027-03-02' })).toBe(true);
  expect([matching({ from: '2027-03-03' }), matching({ to: '2027-03-01' })]).toEqual([false, false]);
  expect(timesOf({ ...EVERYTHING, from: 'soon' })).toEqual({});
  expect(pathOf({ ...EVERYTHING, place: ' ui_content . banner .' })).toEqual(['ui_content', 'banner']);
});
