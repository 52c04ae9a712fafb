import { evalCondition, GrowthBookClient } from '@growthbook/growthbook';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS, type Condition, type HashVersion, type Rule } from '../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../server/core/json.ts';
import { explain, prepareTargeting } from '../../server/core/targeting/evaluate.ts';
import { readTargeting } from '../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../server/targeting/growthbook-engine.ts';
import { attributes, conditions, rules, SEGMENTS } from './arbitraries.ts';

/** `TARGETING_RUNS=100000` for the whole of it. */
const RUNS = Number(process.env['TARGETING_RUNS'] ?? 3_000);
const TIMEOUT_MS = 30_000 + RUNS * 10;

const engine = createGrowthBookEngine();

function document(rule: Rule, segments: Record<string, Condition>): JsonObject {
  const named = Object.fromEntries(Object.entries(segments).map(([name, when]) => [name, { when }]));
  // Rules are plain JSON.
  return { rules: { rule: rule as unknown as JsonObject }, segments: named };
}

/** What the library makes of a rule by itself, called as its own users call it. */
function byLibrary(rule: Rule, segments: Record<string, Condition>, viewer: JsonObject): string | undefined {
  const savedGroups = Object.fromEntries(
    Object.entries(segments).map(([id, condition]) => [id, { type: 'condition' as const, condition }]),
  );
  const pieces = Object.entries(rule.ranges).flatMap(([arm, list]) => list.map((range) => ({ arm, range })));
  const client = new GrowthBookClient({ savedGroups });
  const { inExperiment, variationId } = client.runInlineExperiment<string>(
    {
      key: 'rule',
      seed: rule.seed,
      hashVersion: rule.hashVersion,
      hashAttribute: rule.unit,
      // It wants two at least.
      variations: [...pieces.map(({ arm }) => arm), '', ''] as [string, string],
      ranges: [
        ...pieces.map(({ range: [from, to] }): [number, number] => [from / BUCKETS, to / BUCKETS]),
        [1, 1],
        [1, 1],
      ],
      ...(rule.when && { condition: rule.when }),
    },
    { attributes: viewer },
  );
  return inExperiment ? pieces[variationId]?.arm : undefined;
}

describe('the engine over GrowthBook', () => {
  it(
    'T10 gives every viewer the arm that the library called directly gives, for random rules, segments and viewers',
    () => {
      const assigned = { some: 0, none: 0 };
      fc.assert(
        fc.property(
          rules,
          fc.record({
            lagos: conditions({ segments: [] }),
            adults: conditions({ segments: ['lagos'] }),
            many: conditions({ segments: ['lagos', 'adults'] }),
          }),
          attributes,
          (rule, segments, viewer) => {
            fc.pre(typeof viewer[rule.unit] !== 'boolean' && viewer[rule.unit] !== 0);
            const targeting = readTargeting(document(rule, segments));
            if (!targeting) throw new Error('there is targeting');
            const [explanation] = explain(prepareTargeting(targeting, engine), viewer, engine);
            const arm = byLibrary(rule, segments, viewer);
            assigned[arm === undefined ? 'none' : 'some'] += 1;
            expect(explanation?.arm).toBe(arm);
          },
        ),
        { numRuns: RUNS },
      );
      // Where all are alike, nothing is compared.
      expect(Math.min(assigned.some, assigned.none)).toBeGreaterThan(RUNS / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'T11 conditions mean what the library says, also where expressions and segments are taken out of them',
    () => {
      fc.assert(
        fc.property(
          conditions({ segments: ['lagos'] }),
          conditions({ segments: [] }),
          attributes,
          (when, lagos, viewer) => {
            expect(engine.faultOf(when)).toBeUndefined();
            const targeting = readTargeting({ segments: { lagos: { when: lagos }, asked: { when } } });
            if (!targeting) throw new Error('there is targeting');
            const meets = engine.prepare(targeting).judge(viewer).isIn('asked');
            const oracle = evalCondition(viewer, when, { lagos: { type: 'condition', condition: lagos } });
            expect(meets).toBe(oracle);
          },
        ),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it('T12 buckets are those of both hash versions, which nothing but the version changes', () => {
    const known: readonly [string, string, HashVersion, number][] = [
      ['a', '', 1, 2200],
      ['b', '', 1, 770],
      ['d', 'ef', 1, 6520],
      ['8952klfjas09ujk', 'asdf', 1, 5490],
      ['a', 'seed', 2, 505],
      ['b', 'seed', 2, 2696],
      ['ab', 'foo', 2, 2575],
      ['def', 'foo', 2, 2019],
      ['123', '90850943850283058242805', 2, 7516],
    ];
    const buckets = known.map(([unit, seed, version]) => engine.bucketOf(seed, unit, version));
    expect(buckets).toEqual(known.map(([, , , bucket]) => bucket));
    expect(engine.bucketOf('toString', 'a', 2)).toBe(engine.bucketOf('toString', 'a', 2));
    expect(engine.bucketOf('', 'a', 2)).toBeGreaterThanOrEqual(0);
  });

  it.each([1, 2] as const)('T13 units are spread evenly over the line by hash version %i (χ²)', (version) => {
    const units = 100_000;
    const bins = 100;
    const counts = Array.from({ length: bins }, () => 0);
    for (let unit = 0; unit < units; unit += 1) {
      const bin = Math.floor((engine.bucketOf('summer/price/1', `user-${unit}`, version) * bins) / BUCKETS);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    const expected = units / bins;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: above 149 one time in a thousand, if it is even. Version 1 is known to be biased.
    expect(chiSquare).toBeLessThan(version === 2 ? 149 : 1_000);
  });

  it('T14 nothing that the library keeps grows with viewers, rules or expressions', () => {
    const client: object = new GrowthBookClient({});
    const sizeOf = (value: object): number =>
      JSON.stringify(value, (_key, member: unknown) =>
        member instanceof Map || member instanceof Set ? [...member] : member,
      ).length;
    const before = sizeOf(client);
    const own = createGrowthBookEngine();
    for (let index = 0; index < 2_000; index += 1) {
      own.bucketOf(`seed ${index}`, `unit ${index}`, 2);
      const targeting = readTargeting({ segments: { one: { when: { id: { $regex: `^user-${index}$` } } } } });
      if (targeting)
        expect(
          own
            .prepare(targeting)
            .judge({ id: `user-${index}` })
            .isIn('one'),
        ).toBe(true);
    }
    expect(sizeOf(client)).toBe(before);
    // Were an expression handed to the library, it would be in its cache, and compiled by JavaScript.
    const native = RegExp.prototype.test;
    let ran = 0;
    RegExp.prototype.test = function counting(text) {
      if (this.source.startsWith('^user-')) ran += 1;
      return native.call(this, text);
    };
    try {
      const targeting = readTargeting({ segments: { one: { when: { id: { $regex: '^user-x$' } } } } });
      if (targeting) own.prepare(targeting).judge({ id: 'user-x' }).isIn('one');
    } finally {
      RegExp.prototype.test = native;
    }
    expect(ran).toBe(0);
  });

  it('T15 an expression that takes a backtracking engine seconds is matched in linear time', () => {
    const hostile = ['^(a+)+$', '(a|a)*b', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.{0,20}a){5}zzq'];
    const when = { $or: hostile.map((source) => ({ text: { $regex: source } })) };
    expect(engine.faultOf(when)).toBeUndefined();
    const targeting = readTargeting({ segments: { hostile: { when } } });
    if (!targeting) throw new Error('there is targeting');
    const prepared = engine.prepare(targeting);
    const timeOf = (length: number): number => {
      const before = process.threadCpuUsage();
      for (let index = 0; index < 20; index += 1)
        expect(prepared.judge({ text: `${'a'.repeat(length - 1)}!` }).isIn('hostile')).toBe(false);
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    };
    timeOf(64);
    // Backtracking, 32 characters would take thousands of times as long as 16; here it is about twice. Any factor below
    // hundreds will do, on a machine that is busy.
    expect(timeOf(512)).toBeLessThan(200 * Math.max(timeOf(64), 1));
  });

  it.each([
    ['look-ahead', '(?=a)b'],
    ['look-behind', '(?<!a)b'],
    ['a back-reference', '(a)\\1'],
    ['no expression', '('],
    ['what RE2 reads otherwise', '\\z'],
    ['a class of RE2', '[[:alpha:]]'],
    ['inline flags', '(?i)a'],
    ['a property', '\\p{L}'],
    ['one too long', 'a'.repeat(201)],
  ])('T16 an expression is refused by its place: %s', (_what, source) => {
    expect(engine.faultOf({ country: { $not: { $regex: source } } })).toMatchObject({
      path: ['country', '$not', '$regex'],
    });
  });

  it.each([
    [{ $foo: 1 }, ['$foo']],
    [{ country: { $foo: 1 } }, ['country', '$foo']],
    [{ country: { $in: 'NG' } }, ['country', '$in']],
    [{ id: { $inGroup: 'beta' } }, ['id', '$inGroup']],
    [{ $savedGroup: 'beta' }, ['$savedGroup']],
    [{ tags: { $elemMatch: { $regex: 'a' } } }, ['tags', '$elemMatch', '$regex']],
    [{ tags: { $elemMatch: { $savedGroup: { id: 'lagos' } } } }, ['tags', '$elemMatch', '$savedGroup']],
    [{ $or: { country: 'NG' } }, ['$or']],
    [{ version: { $vgt: '1'.repeat(65) } }, ['version', '$vgt']],
    [{ country: { $eq: 'NG', other: 1 } }, ['country']],
    [{ $and: [{ $and: ['x'] }] }, ['$and', 0, '$and', 0]],
  ])('T17 a condition that the library would answer with a guess is refused by its place: %j', (when, path) => {
    expect(engine.faultOf(when as JsonObject)).toMatchObject({ path });
  });

  it('T18 segments that each name the next one twice cost each segment once', () => {
    const names = Array.from({ length: 100 }, (_none, index) => `s${index}`);
    const segments = Object.fromEntries(
      names.map((name, index) => {
        const next = { $savedGroup: { id: names[index + 1] ?? 'end' } };
        return [name, { when: index === 99 ? { country: 'NG' } : { $and: [next, { $or: [next] }] } }];
      }),
    );
    const targeting = readTargeting({ segments: segments as JsonObject });
    if (!targeting) throw new Error('there is targeting');
    expect(engine.prepare(targeting).judge({ country: 'NG' }).isIn('s0')).toBe(true);
    expect(engine.prepare(targeting).judge({ country: 'DE' }).isIn('s0')).toBe(false);
  });

  it('T19 attributes that cannot be made text meet nothing, and throw nothing', () => {
    const targeting = readTargeting({
      segments: { one: { when: { odd: 'x' } }, two: { when: { odd: { $regex: 'x' } } } },
    });
    if (!targeting) throw new Error('there is targeting');
    const viewer = engine.prepare(targeting).judge({ odd: { toString: 1, valueOf: 1 } });
    expect([viewer.isIn('one'), viewer.isIn('two')]).toEqual([false, false]);
  });

  it('T10 the segments of the arbitrary are those of the test', () => {
    expect(SEGMENTS).toEqual(['lagos', 'adults', 'many']);
  });
});
