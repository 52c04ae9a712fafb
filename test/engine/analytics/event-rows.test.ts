import { expect, test } from 'vitest';
import type { AnalyticsEvent } from '../../../server/core/analytics/analytics-event.ts';
import type { Rule } from '../../../server/core/document/targeting-fields.ts';
import { prepareTargeting } from '../../../server/core/targeting/evaluate.ts';
import { NO_PLACES } from '../../../server/core/targeting/held-places.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { rowsOf } from '../../../server/engine/analytics/event-rows.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';

const RULE: Rule = {
  order: 1,
  status: 'running',
  unit: 'userId',
  seed: 's',
  hashVersion: 2,
  coverage: 1,
  arms: { now: { weight: 1, change: {} } },
  ranges: { now: [[0, 10_000]] },
  phase: 1,
};

test('E56 a batch is looked at once for each of its positions, however many events and rules there are', () => {
  const rules = Object.fromEntries(
    Array.from({ length: 50 }, (_none, index) => [`rule${index}`, { ...RULE, order: index, seed: `s${index}` }]),
  );
  const own = createGrowthBookEngine();
  // As the document has it: plain JSON.
  const read = readTargeting(JSON.parse(JSON.stringify({ slug: 's', title: 'T', rules })));
  if (!read) throw new Error('there are rules');
  const targeting = prepareTargeting(read, own);
  let hashed = 0;
  let bucketed = 0;
  const position = 'e:3';
  const events = Array.from({ length: 500 }, (_none, index): AnalyticsEvent => {
    const rendered = { position, at: index };
    return index % 2 === 0
      ? { kind: 'goal', name: 'lead', ...rendered }
      : { kind: 'exposure', rule: `rule${index % 50}`, arm: 'now', phase: 1, ...rendered };
  });
  const rows = rowsOf(events, {
    campaignId: 'c',
    batchId: 'b',
    attributes: { userId: 'ada' },
    held: NO_PLACES,
    targetings: new Map([[position, targeting]]),
    engine: {
      bucketOf: (...given) => {
        bucketed += 1;
        return own.bucketOf(...given);
      },
    },
    hash: (attribute, value) => {
      hashed += 1;
      return `${attribute} ${value}`;
    },
    delayOf: () => undefined,
  });
  expect(rows.goals).toHaveLength(250);
  expect(new Set(rows.goals.map(({ unit }) => unit))).toEqual(new Set(['userId ada']));
  expect(rows.exposures.every(({ verified, unit }) => verified && unit === 'userId ada')).toBe(true);
  expect(hashed).toBe(1);
  expect(bucketed).toBeLessThanOrEqual(200);
});
