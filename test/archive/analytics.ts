import { expect, test } from 'vitest';
import type { AnalyticsStore, ProgressStep } from '../../server/core/analytics/analytics-store.ts';
import type { EventRows, ExposureRow, GoalRow } from '../../server/core/analytics/unit-rows.ts';
import type { Metric } from '../../server/core/document/targeting-fields.ts';
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts';
import { countsBySlowReading, sumsBySlowReading, timelineBySlowReading } from '../analytics/slow-reading.ts';

const MINUTE = 60_000;
/** A whole minute. */
const START = 1_700_000_040_000;

const METRICS: readonly Pick<Metric, 'goal' | 'type' | 'cap'>[] = [
  { goal: 'lead', type: 'conversion' },
  { goal: 'lead', type: 'count', cap: 2 },
  { goal: 'lead', type: 'count' },
  { goal: 'paid', type: 'sum' },
  { goal: 'paid', type: 'sum', cap: 10.5 },
];

let campaigns = 0;

/** Events of few units, so that arms collide, goals come before exposures, and times are equal. */
function eventsOf(random: SeededRandom, campaignId: string, count: number): EventRows[] {
  const at = (): number => START + random.int(0, 11) * 20_000;
  return Array.from({ length: count }, (_, index): EventRows => {
    const unit = `unit${random.int(0, 24)}`;
    const place = { campaignId, at: at(), epoch: random.pick(['e1', 'e2']), version: random.pick([4, 5]) };
    if (random.chance(0.5)) {
      const verified = random.chance(0.9);
      const split = place.version === 4 ? '{"a":5000,"b":5000}' : '{"a":9000,"b":1000}';
      const arm = random.pick(['a', 'a', 'b', 'B']);
      const row: ExposureRow = {
        ...place,
        rule: 'price',
        phase: random.pick([1, 1, 2]),
        unit,
        verified,
        arm,
        split,
        multiple: false,
      };
      return { exposures: [row], goals: [], paints: [] };
    }
    const row: GoalRow = {
      ...place,
      unit,
      goal: random.pick(['lead', 'paid']),
      id: `batch:${index}`,
      value: random.int(-1e6, 1e9),
    };
    return { exposures: [], goals: [row], paints: [] };
  });
}

function merged(batches: readonly EventRows[]): EventRows {
  return {
    exposures: batches.flatMap(({ exposures }) => exposures),
    goals: batches.flatMap(({ goals }) => goals),
    paints: batches.flatMap(({ paints }) => paints),
  };
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  return items
    .map((item) => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const byText = <T>(rows: readonly T[]): string[] =>
  rows.map((row) => JSON.stringify(row, Object.keys(row ?? {}).sort())).sort();

/** The contract of `AnalyticsStore`. */
export function analyticsTests(store: () => AnalyticsStore): void {
  test('E10 any order, duplication, delay and division of events gives the numbers of a slow second writing', async () => {
    const seeds = Number(process.env['ANALYTICS_SEEDS'] ?? 3);
    for (let run = 0; run < seeds; run += 1) {
      const seed = run < 2 ? run + 1 : Math.floor(Math.random() * 2 ** 31);
      const random = seededRandom(seed);
      const campaignId = `events-${(campaigns += 1)}-${seed}`;
      const events = eventsOf(random, campaignId, 160);
      const copies = events.filter(() => random.chance(0.4));
      const queue = shuffled([...events, ...copies], random);
      while (queue.length > 0) {
        const parts = Array.from({ length: 3 }, () => queue.splice(0, random.int(1, 30)));
        await Promise.all(parts.map((part) => store().recordEvents(merged(part))));
      }
      const all = merged(events);
      const why = `seed ${seed}`;
      for (const phase of [1, 2]) {
        const key = { campaignId, rule: 'price', phase };
        expect(byText(await store().countUnits(key)), why).toEqual(byText(countsBySlowReading(all, key)));
        for (const metric of METRICS)
          expect(byText(await store().sumMetric(key, metric)), `${why} ${JSON.stringify(metric)}`).toEqual(
            byText(sumsBySlowReading(all, key, metric)),
          );
      }
      expect(await store().readTimeline(campaignId, START, START + 4 * MINUTE), why).toEqual(
        timelineBySlowReading(all, START, START + 4 * MINUTE),
      );
    }
  });

  test('E53 what the spans of a metric add up to, at each of their ends, is what was counted by then', async () => {
    for (const seed of [3, 4]) {
      const campaignId = `progress-${(campaigns += 1)}`;
      const all = merged(eventsOf(seededRandom(seed), campaignId, 160));
      await store().recordEvents(all);
      const key = { campaignId, rule: 'price', phase: 1 };
      const firsts = new Map<string, number>();
      for (const { unit, at, phase, verified } of all.exposures)
        if (phase === 1 && verified) firsts.set(unit, Math.min(at, firsts.get(unit) ?? at));
      const times = [...firsts.values()];
      expect(await store().readSpan(key)).toEqual({ first: Math.min(...times), last: Math.max(...times) });
      for (const metric of METRICS) {
        const steps = await store().readProgress(key, metric, MINUTE);
        expect(steps.map(({ from }) => from % MINUTE).every((rest) => rest === 0)).toBe(true);
        for (let end = START + MINUTE; end <= START + 4 * MINUTE; end += MINUTE) {
          const known = {
            exposures: all.exposures.filter(({ at }) => at < end),
            goals: all.goals.filter(({ at }) => at < end),
            paints: [],
          };
          const until = steps.filter(({ from }) => from < end);
          const why = `seed ${seed} ${JSON.stringify(metric)}`;
          const units = countsBySlowReading(known, key).filter(({ verified }) => verified);
          for (const { arm, ...sums } of sumsBySlowReading(known, key, metric)) {
            const own = until.filter((step) => step.arm === arm);
            const added = (of: (step: ProgressStep) => string | number): string =>
              String(own.reduce((sum, step) => sum + BigInt(of(step)), 0n));
            const due = units.reduce((sum, count) => sum + (count.arm === arm ? count.units : 0), 0);
            expect(
              added((step) => step.units),
              why,
            ).toBe(String(due));
            expect(
              added((step) => step.converted),
              why,
            ).toBe(String(sums.converted));
            expect(
              added((step) => step.sum),
              why,
            ).toBe(sums.sum);
            expect(
              added((step) => step.sumOfSquares),
              why,
            ).toBe(sums.sumOfSquares);
          }
        }
      }
    }
    const nobody = { campaignId: 'nobody', rule: 'price', phase: 1 };
    expect(await store().readSpan(nobody)).toBeUndefined();
    expect(await store().readProgress(nobody, { goal: 'lead', type: 'count' }, MINUTE)).toEqual([]);
  });

  test('E11 an exposure that comes late counts the goals after it, and those before it never count', async () => {
    const campaignId = `late-${(campaigns += 1)}`;
    const key = { campaignId, rule: 'price', phase: 1 };
    const place = { campaignId, epoch: 'e', version: 1, unit: 'u' };
    const goal = (at: number): EventRows => ({
      exposures: [],
      goals: [{ ...place, goal: 'lead', id: `g${at}`, at, value: 0 }],
      paints: [],
    });
    const shown = (at: number, arm: string): EventRows => ({
      exposures: [{ ...place, rule: 'price', phase: 1, verified: true, arm, at, split: '{}', multiple: false }],
      goals: [],
      paints: [],
    });
    const count = async () => (await store().sumMetric(key, { goal: 'lead', type: 'count' }))[0];
    await store().recordEvents(goal(10));
    await store().recordEvents(goal(20));
    expect(await count()).toBeUndefined();
    await store().recordEvents(shown(15, 'b'));
    expect(await count()).toMatchObject({ arm: 'b', sum: '1' });
    await store().recordEvents(shown(5, 'a'));
    expect(await count()).toMatchObject({ arm: 'a', sum: '2' });
    expect(await store().countUnits(key)).toEqual([{ arm: 'a', verified: true, split: '{}', units: 1, multiple: 1 }]);
  });

  test('E12 a unit and a campaign can be forgotten, and the salt of a campaign is one over everyone who asks', async () => {
    const campaignId = `salted-${(campaigns += 1)}`;
    const salts = await Promise.all(['a', 'b', 'c'].map((proposed) => store().campaignSalt(campaignId, proposed)));
    expect(new Set(salts).size).toBe(1);
    const events = merged(eventsOf(seededRandom(7), campaignId, 100));
    await store().recordEvents(events);
    await store().forgetUnits(campaignId, ['unit3', 'unit4']);
    const left = merged([
      {
        exposures: events.exposures.filter(({ unit }) => unit !== 'unit3' && unit !== 'unit4'),
        goals: events.goals.filter(({ unit }) => unit !== 'unit3' && unit !== 'unit4'),
        paints: [],
      },
    ]);
    const key = { campaignId, rule: 'price', phase: 1 };
    expect(byText(await store().countUnits(key))).toEqual(byText(countsBySlowReading(left, key)));
    await store().forgetCampaign(campaignId);
    expect(await store().countUnits(key)).toEqual([]);
    expect(await store().readTimeline(campaignId, START, START + MINUTE)).toEqual([]);
    expect(await store().campaignSalt(campaignId, 'other')).toBe('other');
  });

  test('E13 what is older than its time goes: units of phases that ended, goals that none of them needs, minutes, reports', async () => {
    const campaignId = `old-${(campaigns += 1)}`;
    const events = merged(eventsOf(seededRandom(11), campaignId, 200));
    await store().recordEvents(events);
    const timeline = () => store().readTimeline(campaignId, START, START + 4 * MINUTE);
    const before = await timeline();
    const phases = (await store().listPhases()).filter((phase) => phase.campaignId === campaignId);
    expect(phases).toEqual([1, 2].map((phase) => ({ campaignId, rule: 'price', phase, endedAt: undefined })));
    const at = START + 10 * MINUTE;
    await store().markPhases([{ campaignId, rule: 'price', phase: 1, endedAt: at }]);
    const sweep = (given: { unitsBefore?: number; minutesBefore?: number; paintsBefore?: number }) =>
      store().sweepAnalytics({ now: at, unitsBefore: 0, minutesBefore: 0, paintsBefore: 0, ...given });
    await sweep({ unitsBefore: at });
    expect(await store().countUnits({ campaignId, rule: 'price', phase: 1 })).not.toEqual([]);
    expect(await sweep({ unitsBefore: at + 1 })).toBeGreaterThan(0);
    expect(await store().countUnits({ campaignId, rule: 'price', phase: 1 })).toEqual([]);
    const rest = { campaignId, rule: 'price', phase: 2 };
    expect(byText(await store().countUnits(rest))).toEqual(byText(countsBySlowReading(events, rest)));
    for (const metric of METRICS)
      expect(byText(await store().sumMetric(rest, metric))).toEqual(byText(sumsBySlowReading(events, rest, metric)));
    // Nothing has changed on the time axis.
    expect(await timeline()).toEqual(before);
    expect(await sweep({ unitsBefore: at + 1 })).toBe(0);
    await store().markPhases([{ campaignId, rule: 'price', phase: 2, endedAt: at }]);
    await sweep({ unitsBefore: at + 1 });
    await sweep({ minutesBefore: START + 2 * MINUTE });
    expect(await timeline()).toEqual(before.filter(({ minute }) => minute >= START + 2 * MINUTE));
  });

  test('E14 viewers are counted once for each instance and minute, and a page reports a version once', async () => {
    const campaignId = `seen-${(campaigns += 1)}`;
    const place = { campaignId, epoch: 'e', version: 3 };
    const viewers = (instance: string, count: number) => ({ ...place, minute: START, instance, viewers: count });
    await store().recordViewers([viewers('one', 10), viewers('two', 5)]);
    await store().recordViewers([viewers('one', 99)]);
    expect(await store().readTimeline(campaignId, START, START + MINUTE)).toEqual([
      { minute: START, epoch: 'e', version: 3, kind: 'viewers', name: '', count: 15 },
    ]);
    const paint = (page: string, delayMs: number) => ({ ...place, page, at: START, delayMs, share: 0.5 });
    await store().recordEvents({ exposures: [], goals: [], paints: [paint('p1', 10), paint('p2', 20)] });
    await store().recordEvents({ exposures: [], goals: [], paints: [paint('p1', 500)] });
    expect(await store().readPaints(campaignId, 'e', 3)).toEqual([
      { delayMs: 10, share: 0.5 },
      { delayMs: 20, share: 0.5 },
    ]);
    await store().sweepAnalytics({ now: START, unitsBefore: 0, minutesBefore: 0, paintsBefore: START + 1 });
    expect(await store().readPaints(campaignId, 'e', 3)).toEqual([]);
  });
}
