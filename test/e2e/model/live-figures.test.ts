import { expect, test } from 'vitest';
import {
  isTraced,
  keepEvent,
  percentile,
  withSample,
  type Stats,
  type TraceEvent,
} from '../../../demo/src/operations/figures.ts';

const stats = (uptimeSeconds: number, mutations: number): Stats =>
  // Of what the server says only these are looked at here.
  ({ uptimeSeconds, mutations, deliveries: mutations * 10 }) as Stats;

test('D134 rates are of the time that has passed, begin anew with another process, and the last two minutes are kept', () => {
  let samples = withSample([], stats(10, 100), [], 1_000);
  samples = withSample(samples, stats(12, 150), [], 3_000);
  samples = withSample(samples, stats(1, 3), [], 4_000);
  expect(samples.map(({ changes, deliveries }) => [changes, deliveries])).toEqual([
    [undefined, undefined],
    [25, 250],
    [undefined, undefined],
  ]);
  for (let second = 0; second < 300; second += 1)
    samples = withSample(samples, stats(second + 2, 3), [], 5_000 + second * 1_000);
  expect(samples).toHaveLength(120);
});

test('D134 the percentiles of a second are those of the changes of the last ten', () => {
  const timings = [
    { at: 1_000, milliseconds: 900 },
    ...Array.from({ length: 100 }, (_, index) => ({ at: 20_000, milliseconds: 100 - index })),
  ];
  expect(withSample([], stats(1, 1), timings, 25_000).at(-1)).toMatchObject({ p50: 50, p99: 99 });
  expect(withSample([], stats(1, 1), timings, 40_000).at(-1)).toMatchObject({ p50: undefined, p99: undefined });
  expect([percentile([7], 0.99), percentile([], 0.5)]).toEqual([7, undefined]);
});

test('D134 of what waits to be shown the newest two hundred are kept', () => {
  const waiting: TraceEvent[] = [];
  // As far as it is looked at.
  for (let index = 0; index < 1_000; index += 1) keepEvent(waiting, { correlationId: `${index}` } as TraceEvent);
  expect(waiting.map(({ correlationId }) => correlationId)).toEqual(
    Array.from({ length: 200 }, (_, index) => `${index + 800}`),
  );
});

test('D134 the trace is filtered by campaign, person and correlation id, all of them', () => {
  // As far as it is looked at.
  const event = { campaignId: 'summer', actor: 'Ada', correlationId: 'a1-b2' } as TraceEvent;
  const filter = { campaign: '', person: '', correlation: '' };
  expect(isTraced(event, filter)).toBe(true);
  expect(isTraced(event, { campaign: 'SUM', person: ' ada', correlation: 'b2' })).toBe(true);
  expect(isTraced(event, { ...filter, person: 'bob' })).toBe(false);
  expect(isTraced(event, { ...filter, campaign: 'summer', correlation: 'c3' })).toBe(false);
});
