import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compare, type Estimate, type Sample } from '../../../server/core/analytics/comparison.ts';
import { chiSquareTail, studentQuantile } from '../../../server/core/analytics/distributions.ts';
import { checkSampleRatio } from '../../../server/core/analytics/sample-ratio.ts';

/** Sums of one arm, as an independent implementation was given them. */
interface Sums {
  units: number;
  sum: number;
  sumOfSquares: number;
}

interface Vectors {
  intervals: {
    name: string;
    alpha: number;
    tuning: number;
    control: Sums;
    arm: Sums;
    absolute: Estimate;
    relative: Estimate;
  }[];
  sampleRatio: { observed: number[]; weights: number[]; chiSquare: number; degrees?: number; p: number }[];
  students: { p: number; dof: number; quantile: number }[];
}

/** Made by `vectors.py` beside it: GrowthBook's gbstats for the intervals, scipy for the distributions. */
const vectors: Vectors = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors.json'), 'utf8'));

function sample(name: string, { units, sum, sumOfSquares }: Sums): Sample {
  const mean = sum / units;
  if (name.startsWith('conversion')) return { units, mean, variance: mean * (1 - mean) };
  return { units, mean, variance: (sumOfSquares - sum ** 2 / units) / (units - 1) };
}

function expectClose(actual: number | undefined, expected: number, digits = 9): void {
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThan(Math.max(1e-12, Math.abs(expected)) * 10 ** -digits);
}

describe('statistics', () => {
  test('E1 estimates, intervals that hold at every look and fixed ones are those of gbstats', () => {
    expect(vectors.intervals.length).toBeGreaterThan(20);
    for (const { name, alpha, tuning, control, arm, absolute, relative } of vectors.intervals) {
      const found = compare(sample(name, control), sample(name, arm), alpha, tuning);
      for (const [actual, expected] of [
        [found?.difference, absolute],
        [found?.lift, relative],
      ] as const) {
        // Estimates cancel: they have as many digits as the means have.
        expect(Math.abs((actual?.estimate ?? Number.NaN) - expected.estimate)).toBeLessThan(1e-12);
        for (const kind of ['anytime', 'fixed'] as const) {
          const width = (given: Estimate | undefined): number => (given ? given[kind][1] - given[kind][0] : Number.NaN);
          expectClose(width(actual), width(expected), kind === 'anytime' ? 10 : 6);
        }
      }
    }
  });

  test('E2 the check of the sample ratio, and the quantiles behind the fixed intervals, are those of scipy', () => {
    for (const { observed, weights, chiSquare, degrees, p } of vectors.sampleRatio) {
      expectClose(chiSquareTail(chiSquare, degrees ?? observed.length - 1), p, 8);
      if (observed.length === 0) continue;
      const [total, weight] = [observed, weights].map((list) => list.reduce((sum, value) => sum + value, 0));
      const expected = weights.map((one) => (one / (weight ?? 1)) * (total ?? 0));
      const found = checkSampleRatio(observed, expected);
      expectClose(found?.chiSquare, chiSquare, 9);
      expect(found?.isBroken).toBe(p < 0.001);
    }
    for (const { p, dof, quantile } of vectors.students) expectClose(studentQuantile(p, dof), quantile, 6);
  });

  test('E3 nothing is said of fewer than two units, of no variance, or of arms that are due fewer than eight', () => {
    const some = { units: 100, mean: 0.5, variance: 0.25 };
    expect(compare(some, { units: 1, mean: 1, variance: 0 }, 0.05)).toBeUndefined();
    expect(compare({ ...some, variance: 0 }, { ...some, variance: 0 }, 0.05)).toBeUndefined();
    expect(compare({ ...some, mean: 0 }, some, 0.05)?.lift).toBeUndefined();
    expect(checkSampleRatio([7, 7], [7, 7])).toBeUndefined();
    expect(checkSampleRatio([30], [30])).toBeUndefined();
  });
});
