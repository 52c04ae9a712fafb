import { describe, expect, test } from 'vitest';
import { clausesOf, conditionOf, sayCondition, valueOf } from '../../../demo/src/targeting/condition.ts';
import { shareOf, withShare } from '../../../demo/src/targeting/reach/weights.ts';

const CONDITIONS = [
  { city: 'Lagos' },
  { city: 'Lagos', visits: { $gte: 3 } },
  { $and: [{ visits: { $gt: 1 } }, { visits: { $lt: 9 } }] },
  { $or: [{ plan: { $in: ['pro', 7, true] } }, { $savedGroup: { id: 'staff' } }] },
  { place: { $in: ['Lagos, Nigeria', 'Lisbon', '7'] } },
  { $not: { $savedGroup: { id: 'staff' } } },
  { email: { $exists: false }, app: { $vgte: '2.1.0' }, name: { $regex: '^A' } },
  // Text that looks like something else, and text with a comma.
  { code: '007', zip: '12', flag: 'true', place: 'Lagos, Nigeria' },
];

describe('conditions as rows', () => {
  test.each(CONDITIONS)('D33 rows say what the condition says: %j', (condition) => {
    const rows = clausesOf(condition);
    expect(rows && conditionOf(rows)).toEqual(condition);
  });

  test('D33 what rows cannot say is left as it is, and incomplete rows come to nothing', () => {
    for (const nested of [{ $nor: [{ a: 1 }] }, { a: { $gt: 1, $lt: 2 } }, { a: { $elemMatch: { b: 1 } } }, { a: [1] }])
      expect(clausesOf(nested)).toBeUndefined();
    expect(conditionOf({ join: 'all', clauses: [{ attribute: ' ', operator: '$eq', value: 'x' }] })).toBeUndefined();
    expect(sayCondition(undefined)).toBe('everybody');
    expect(sayCondition({ $and: [{ city: 'Lagos' }, { $savedGroup: { id: 'pros' } }] })).toBe(
      'city is Lagos and in segment pros',
    );
  });

  test('D33 a value is what it looks like: numbers, yes and no, and text', () => {
    expect(['3', '-2.5', 'true', '007', '"3"', ' Lagos '].map(valueOf)).toEqual([3, -2.5, true, '007', '3', 'Lagos']);
  });

  test('D33 a slider moves one share, and the others divide the rest as before', () => {
    const arms = { a: { weight: 1, change: {} }, b: { weight: 2, change: {} }, c: { weight: 1, change: {} } };
    const moved = withShare(arms, 'a', 40);
    expect(['a', 'b', 'c'].map((arm) => shareOf(moved, arm))).toEqual([40, 40, 20]);
    expect(withShare({ a: { weight: 1, change: {} }, b: { weight: 0, change: {} } }, 'a', 30)['b']?.weight).toBe(70);
  });
});
