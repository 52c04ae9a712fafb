import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffDelay } from '../../server/core/backoff.ts';

const BOUNDS = { floor: 100, base: 600, cap: 15_000 };

describe('backoff', () => {
  it('C90 a retry comes no sooner than the floor and no later than a bound that doubles up to the cap', () => {
    const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.nat(2_000), chance, share, (attempt, random, jitter) => {
        const delay = backoffDelay(attempt, random, { ...BOUNDS, jitter });
        expect(delay).toBeGreaterThanOrEqual(BOUNDS.floor);
        expect(delay).toBeLessThanOrEqual(Math.min(BOUNDS.cap, BOUNDS.base * 2 ** attempt));
      }),
    );
  });

  it('C90 jitter says how much of the delay is left to chance', () => {
    const delays = (jitter: number): number[] =>
      [0, 0.5, 0.999_999].map((random) => backoffDelay(1, random, { base: 500, cap: 10_000, jitter }));
    expect(delays(0)).toEqual([1_000, 1_000, 1_000]);
    expect(delays(0.5)).toEqual([500, 750, 1_000]);
    expect(delays(1)).toEqual([0, 500, 1_000]);
    expect(backoffDelay(1, 0.5, { base: 500, cap: 10_000 })).toBe(500);
  });
});
