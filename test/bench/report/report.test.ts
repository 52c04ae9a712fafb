import { expect, test } from 'vitest';
import { atLeast, atMost, type Line } from '../harness/row.ts';
import { growsWithoutBound } from './growth.ts';
import { toResult, type Result } from './result.ts';
import { median, spread } from './statistics.ts';

const line = (targets: Line['targets']): Line => ({ name: 'cpu', title: 'CPU', unit: 'µs', targets });

function resultOf(targets: Line['targets'], ours: number[], rawWs: number[] = ours): Result {
  const samples = new Map([
    ['ours', ours],
    ['raw-ws', rawWs],
  ] as const);
  const result = toResult(line(targets), samples, 'full', '2026-01-01T00:00:00.000Z');
  if (!result) throw new Error('there is no result');
  return result;
}

test('B1 a figure is the median, its spread the distance of the quartiles: one wild round changes neither', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([1, 2, 3, 10])).toBe(2.5);
  expect(spread([1, 2, 3, 4, 5])).toBe(2);
  expect(median([10, 11, 12, 13, 9_999])).toBe(12);
  expect(spread([10, 11, 12, 13, 9_999])).toBe(2);
});

test('B2 a ratio is made within each round, so that a slow round, which slows both, does not count', () => {
  const { ours, peers, ratio } = resultOf([], [10, 40, 20], [10, 40, 10]);
  expect(ours).toBe(20);
  expect(peers['raw-ws']).toBe(10);
  expect(ratio['raw-ws']).toBe(1);
});

test('B3 a target holds by the median, in its own direction, and all of a line must', () => {
  expect(resultOf([atMost(1.15, 'raw-ws')], [11, 11, 11], [10, 10, 10]).holds).toBe(true);
  expect(resultOf([atMost(1.15, 'raw-ws')], [12, 12, 12], [10, 10, 10]).holds).toBe(false);
  expect(resultOf([atLeast(0.6, 'raw-ws')], [7, 7, 7], [10, 10, 10]).holds).toBe(true);
  expect(resultOf([atLeast(0.6, 'raw-ws')], [5, 5, 5], [10, 10, 10]).holds).toBe(false);
  expect(resultOf([atMost(16)], [15, 15, 40]).holds).toBe(true);
  expect(resultOf([atMost(16), atMost(0.9, 'raw-ws')], [15, 15, 15]).holds).toBe(false);
  expect(resultOf([], [1, 1, 1]).holds).toBeNull();
});

test('B4 a target within the spread of the rounds is called noise, and only that one; one round has no spread', () => {
  const { noise, holds } = resultOf(
    [atMost(1.15, 'raw-ws'), atMost(2, 'raw-ws')],
    [8, 9, 11, 13, 14],
    [10, 10, 10, 10, 10],
  );
  expect(holds).toBe(true);
  expect(noise).toEqual(['≤ 1.15 × raw-ws']);
  expect(resultOf([atMost(1.15, 'raw-ws')], [10, 10, 10]).noise).toEqual([]);
  expect(resultOf([], [10, 10]).spread).toBe(0);
  expect(resultOf([], [10]).spread).toBeNull();
});

test('B5 where ours was not measured there is no result', () => {
  expect(toResult(line([]), new Map(), 'full', '')).toBeUndefined();
});

test('B6 what climbs through the whole run grows without bound; what settles, swings or only starts high does not', () => {
  const minutes = Array.from({ length: 60 }, (_, minute) => minute);
  const grows = (of: (minute: number) => number): boolean => growsWithoutBound(minutes.map(of), { slack: 4 });
  expect(grows((minute) => 100 + minute)).toBe(true);
  expect(grows((minute) => 100 + minute + (minute % 7) * 3)).toBe(true);
  expect(grows((minute) => 100 + 50 * (1 - Math.exp(-minute / 4)))).toBe(false);
  expect(grows((minute) => 100 + (minute % 10) * 20)).toBe(false);
  expect(grows((minute) => 200 - minute)).toBe(false);
  expect(grows((minute) => (minute < 30 ? 120 : minute < 45 ? 100 : 140))).toBe(false);
  expect(grows((minute) => 100 + minute * 0.05)).toBe(false);
  expect(growsWithoutBound([], { slack: 0 })).toBe(false);
});
