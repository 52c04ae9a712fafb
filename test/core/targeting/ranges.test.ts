import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS, type BucketRange } from '../../../server/core/document/targeting-fields.ts';
import {
  apportion,
  armAt,
  measureOf,
  movedShare,
  normalised,
  overlapOf,
  recut,
  without,
  type Ranges,
  type Sizes,
} from '../../../server/core/targeting/ranges.ts';
import { bucketsOf, sizesOf } from '../../../server/core/targeting/targeting-effect.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

const weights = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.oneof(fc.nat(5), fc.double({ min: 0, max: 9, noNaN: true })),
  {
    minKeys: 1,
    noNullPrototype: true,
  },
);
const coverages = fc.oneof(fc.constantFrom(0, 0.1, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const someRanges = fc
  .array(fc.tuple(fc.nat(BUCKETS), fc.nat(BUCKETS)), { maxLength: 6 })
  .map((pairs) => pairs.map(([a, b]): BucketRange => [Math.min(a, b), Math.max(a, b)]));

function sizes(given: Sizes, coverage: number): Sizes {
  return apportion(given, bucketsOf(coverage));
}

function lost(before: Sizes, after: Sizes): number {
  return Object.keys(before).reduce((sum, arm) => sum + Math.max(0, (before[arm] ?? 0) - (after[arm] ?? 0)), 0);
}

/** The arm of each bucket; `undefined` where it has none. */
function armsOf(ranges: Ranges): (string | undefined)[] {
  return Array.from({ length: BUCKETS }, (_none, bucket) => armAt(ranges, bucket)?.arm);
}

describe('ranges', () => {
  it('T1 what is moved is the sum of max(0, old - new), in buckets, for any history of weights, arms and coverage', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(weights, coverages), { minLength: 2, maxLength: 8 }), (history) => {
        let ranges: Ranges = {};
        let before: Sizes = {};
        for (const [given, coverage] of history) {
          const after = sizes(given, coverage);
          const next = recut(ranges, after);
          for (const arm of Object.keys(after)) expect(measureOf(next[arm] ?? [])).toBe(after[arm]);
          expect(overlapOf(Object.values(next).flat())).toBeUndefined();
          expect(movedShare(ranges, next) * BUCKETS).toBeCloseTo(lost(before, after), 6);
          [ranges, before] = [next, after];
        }
      }),
    );
  });

  it('T2 a ramp moves nobody, however far and in however many steps', () => {
    fc.assert(
      fc.property(weights, fc.array(coverages, { minLength: 1, maxLength: 8 }), (given, steps) => {
        let ranges: Ranges = {};
        for (const coverage of steps.toSorted((a, b) => a - b)) {
          const next = recut(ranges, sizes(given, coverage));
          expect(movedShare(ranges, next)).toBe(0);
          ranges = next;
        }
      }),
    );
  });

  it.each([
    ['50/50 to 60/40', { a: 1, b: 1 }, { a: 6, b: 4 }, 0.1],
    ['a third equal arm', { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }, 0.3333],
    ['thirds to 50/25/25', { a: 1, b: 1, c: 1 }, { a: 2, b: 1, c: 1 }, 0.1666],
    ['an arm that goes', { a: 1, b: 1, c: 1, d: 1 }, { a: 1, b: 1, c: 1 }, 0.25],
    [
      'five arms to 5/23.75×4',
      { a: 20, b: 20, c: 20, d: 20, e: 20 },
      { a: 5, b: 23.75, c: 23.75, d: 23.75, e: 23.75 },
      0.15,
    ],
  ])('T1 the share that moves is the least there is: %s', (_name, one, other, least) => {
    const before = recut({}, sizes(one, 1));
    const moved = movedShare(before, recut(before, sizes(other, 1)));
    expect(Math.abs(moved - least)).toBeLessThanOrEqual(1e-4);
  });

  it('T3 buckets are shared out by weight, one more or less, and more of them take none from any arm', () => {
    fc.assert(
      fc.property(weights, fc.nat(BUCKETS), fc.nat(BUCKETS), (given, one, other) => {
        const [few, many] = [Math.min(one, other), Math.max(one, other)];
        const [less, more] = [apportion(given, few), apportion(given, many)];
        const sum = Object.values(given).reduce((all, weight) => all + weight, 0);
        for (const name of Object.keys(given)) {
          expect(less[name]).toBeLessThanOrEqual(more[name] ?? 0);
          if (sum > 0) expect(Math.abs((more[name] ?? 0) - ((given[name] ?? 0) / sum) * many)).toBeLessThanOrEqual(2);
        }
        const positive = Object.values(given).some((weight) => weight > 0);
        expect(Object.values(more).reduce((all, size) => all + size, 0)).toBe(positive ? many : 0);
      }),
    );
    expect(apportion({ a: 3334, b: 3333, c: 3333 }, BUCKETS)).toEqual({ a: 3334, b: 3333, c: 3333 });
  });

  it('T4 what others have claimed is left alone, as long as there is room', () => {
    fc.assert(
      fc.property(weights, coverages, someRanges, (given, coverage, claimed) => {
        const taken = normalised(claimed);
        const wanted = sizes(given, coverage);
        const cut = recut({}, wanted, taken);
        const own = Object.values(cut).flat();
        const fits = measureOf(own) + measureOf(taken) <= BUCKETS;
        expect(overlapOf([...own, ...taken]) === undefined).toBe(fits);
        for (const arm of Object.keys(wanted)) expect(measureOf(cut[arm] ?? [])).toBe(wanted[arm]);
      }),
    );
  });

  it('T5 sets of ranges mean what sets of buckets mean', () => {
    fc.assert(
      fc.property(someRanges, someRanges, (one, other) => {
        const has = (ranges: readonly BucketRange[], bucket: number): boolean =>
          ranges.some(([from, to]) => bucket >= from && bucket < to);
        const edges = [...one, ...other].flat().flatMap((edge) => [edge - 1, edge, edge + 1]);
        const left = without(one, other);
        for (const bucket of edges) {
          expect(has(left, bucket)).toBe(has(one, bucket) && !has(other, bucket));
          expect(has(normalised(one), bucket)).toBe(has(one, bucket));
        }
        expect(overlapOf(normalised(one))).toBeUndefined();
      }),
    );
  });

  it('T1 nobody changes arms but those whose arm has shrunk, seen bucket by bucket', () => {
    const arms = { a: { weight: 1, change: {} }, b: { weight: 1, change: {} } };
    const before = recut({}, sizesOf({ arms, coverage: 0.8 }));
    const after = recut(before, sizesOf({ arms: { ...arms, c: { weight: 2, change: {} } }, coverage: 1 }));
    const [old, now] = [armsOf(before), armsOf(after)];
    const changed = old.filter((arm, bucket) => arm !== undefined && arm !== now[bucket]);
    expect(changed).toHaveLength(4_000 - 2_500 + (4_000 - 2_500));
  });
});
