import { describe, expect, test } from 'vitest';
import type { MetricSum, UnitCount } from '../../../server/core/analytics/analytics-store.ts';
import { PROGRESS_POINTS, progressOf, spanFor } from '../../../server/core/analytics/progress.ts';
import { reachOf } from '../../../server/core/analytics/reach.ts';
import { controlOf, resultsOf, sampleOf } from '../../../server/core/analytics/results.ts';
import type { Metric, Rule } from '../../../server/core/document/targeting-fields.ts';

const ABOUT = { campaignId: 'c', rule: 'r', phase: 1 };
const ARMS: Rule['arms'] = {
  lower: { weight: 1, change: { merge: { title: 'Lower' } } },
  now: { weight: 1, change: {} },
};
const LEADS: Metric = { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' };
const ERRORS: Metric = { goal: 'error', type: 'conversion', better: 'down', role: 'guardrail' };

const units = (arm: string, count: number, split = '{"lower":5000,"now":5000}'): UnitCount => ({
  arm,
  split,
  verified: true,
  units: count,
  multiple: 0,
});

const converted = (arm: string, count: number): MetricSum => ({
  arm,
  converted: count,
  sum: String(count),
  sumOfSquares: String(count),
});

/** Results of so many units and conversions of both arms. */
function found(now: readonly [number, number], lower: readonly [number, number], metric = LEADS) {
  return resultsOf(
    { ...ABOUT },
    { arms: ARMS, metrics: { leads: metric } },
    [units('now', now[0]), units('lower', lower[0])],
    {
      leads: [converted('now', now[1]), converted('lower', lower[1])],
    },
  );
}

describe('results', () => {
  test('E7 the verdict says in one sentence what is known, and first what must be known first', () => {
    expect(found([0, 0], [0, 0]).verdict).toBe('Nobody has been seen yet.');
    expect(found([500, 50], [500, 55]).verdict).toMatch(
      /^Too early: about [\d,]+ more people for an effect of 5 % on leads\.$/,
    );
    expect(found([10_000, 1_000], [10_000, 1_400]).verdict).toMatch(
      /^lower makes leads better: \+40 % \(between \+[\d.]+ % and \+[\d.]+ %\), however often one looks\.$/,
    );
    expect(found([10_000, 1_000], [10_000, 600]).verdict).toMatch(/^lower makes leads worse: −40 %/);
    expect(found([1_000_000, 500_000], [1_000_000, 500_100]).verdict).toMatch(
      /^No effect of 5 % or more on leads has shown/,
    );
    expect(found([10_000, 1_000], [9_000, 900]).verdict).toMatch(
      /^Do not trust these numbers: people are missing from an arm \(lower 9,000 of 9,500, now 10,000 of 9,500/,
    );
    const both = resultsOf(
      { ...ABOUT },
      { arms: ARMS, metrics: { leads: LEADS, errors: ERRORS } },
      [units('now', 10_000), units('lower', 10_000)],
      {
        leads: [converted('now', 1_000), converted('lower', 1_400)],
        errors: [converted('now', 100), converted('lower', 300)],
      },
    );
    expect(both.verdict).toMatch(/^lower makes errors worse/);
  });

  test('E8 the control is the arm that changes nothing, and units are due by the weights of their version', () => {
    expect(controlOf(ARMS)).toBe('now');
    expect(
      controlOf({ b: { weight: 1, change: { merge: { a: 1 } } }, a: { weight: 1, change: { merge: { a: 2 } } } }),
    ).toBe('b');
    const counts = [
      units('now', 500),
      units('lower', 500),
      units('now', 900, '{"lower":1000,"now":9000}'),
      units('lower', 100, '{"lower":1000,"now":9000}'),
    ];
    const results = resultsOf(ABOUT, { arms: ARMS }, counts, {});
    expect(results.arms.map(({ expected }) => expected)).toEqual([600, 1_400]);
    expect(results.sampleRatio).toMatchObject({ chiSquare: 0, isBroken: false });
    expect(results.verdict).toBe('This rule has no metrics.');
  });

  test('E9 variances of large values are exact, and a few conversions decide nothing', () => {
    const value = 10n ** 15n;
    const sum: MetricSum = {
      arm: 'a',
      converted: 3,
      sum: String(3n * value + 3n),
      sumOfSquares: String(value ** 2n + (value + 1n) ** 2n + (value + 2n) ** 2n),
    };
    expect(sampleOf({ type: 'count' }, 3, [sum], 'a').variance).toBe(1);
    expect(found([10_000, 40], [10_000, 2]).metrics['leads']?.arms[0]?.effect).toBe('none yet');
    expect(found([10_000, 100], [10_000, 2]).metrics['leads']?.arms[0]?.effect).toBe('worse');
  });

  test('E15 reach counts each report for as many pages as its sample says', () => {
    const paints = [
      ...Array.from({ length: 98 }, () => ({ delayMs: 40, share: 0.1 })),
      { delayMs: 180, share: 0.1 },
      { delayMs: 900, share: 1 },
    ];
    expect(reachOf('e:4', 1_204, paints)).toEqual({
      position: 'e:4',
      connected: 1_204,
      painted: 991,
      reports: 100,
      p50: 40,
      p99: 180,
    });
    expect(reachOf('e:4', 3, [])).toEqual({ position: 'e:4', connected: 3, painted: 0, reports: 0 });
  });
});

test('E55 nobody reads of an effect beside an interval that says there may be none', () => {
  // The difference alone would say so; of the control too little is known for a lift.
  const metric = found([1_000, 35], [1_000, 75]).metrics['leads'];
  const { comparison, effect } = metric?.arms.find(({ arm }) => arm === 'lower') ?? {};
  expect(comparison?.difference.anytime[0]).toBeGreaterThan(0);
  expect(comparison?.lift?.anytime[0]).toBeLessThan(0);
  expect(effect).toBe('none yet');
  expect(metric?.verdict).toMatch(/^Too early/);
});

describe('a metric over time', () => {
  test('E54 each point is what results said then, the last one what they say now, and there are never too many', () => {
    const step = (from: number, arm: string, count: number, converts: number) => ({
      from,
      ...converted(arm, converts),
      units: count,
    });
    const steps = [
      step(0, 'now', 100, 10),
      step(0, 'lower', 100, 10),
      step(60, 'now', 900, 90),
      step(60, 'lower', 900, 200),
    ];
    const points = progressOf(LEADS, { arms: ARMS }, steps, 60);
    expect(points.map(({ at }) => at)).toEqual([60, 120]);
    for (const [index, [now, lower]] of (
      [
        [
          [100, 10],
          [100, 10],
        ],
        [
          [1_000, 100],
          [1_000, 210],
        ],
      ] as const
    ).entries())
      expect(points[index]?.arms).toEqual(found(now, lower).metrics['leads']?.arms);
    const many = Array.from({ length: 1_001 }, (_, index) => step(index, index % 2 === 0 ? 'now' : 'lower', 10, 1));
    const thinned = progressOf(LEADS, { arms: ARMS }, many, 1);
    expect(thinned.length).toBeLessThanOrEqual(PROGRESS_POINTS);
    expect(thinned.at(-1)?.arms.map(({ units: count, conversions }) => [count, conversions])).toEqual([
      [5_000, 500],
      [5_010, 501],
    ]);
    expect([spanFor(0, 0), spanFor(0, 3_600_000), spanFor(0, 400 * 86_400_000)]).toEqual([
      1_000,
      60_000,
      7 * 86_400_000,
    ]);
  });
});
