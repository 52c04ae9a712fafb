import { GrowthBookClient } from '@growthbook/growthbook';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { readGrowthBook } from '../../../server/targeting/import/growthbook.ts';
import { engine, imported } from './support.ts';

const RUNS = Number(process.env['TARGETING_RUNS'] ?? 2_000);
const TIMEOUT_MS = 30_000 + RUNS * 10;

/** What a campaign says of a GrowthBook feature, in GrowthBook's words. */
function valueIn(state: JsonObject, name: string, isSwitch: boolean): JsonValue | undefined {
  const { features, flags } = state;
  if (isSwitch) return Array.isArray(features) && features.includes(name);
  return isJsonObject(flags) ? flags[name] : undefined;
}

/** What GrowthBook's own library makes of a file. */
function libraryOf(file: { features: object; savedGroups?: object }) {
  const client = new GrowthBookClient({});
  // The library's types want what it reads itself.
  client.initSync({ payload: file as never });
  return (name: string, attributes: JsonObject): JsonValue | undefined => {
    const { value } = client.evalFeature(name, { attributes }) as { value: JsonValue };
    return value ?? undefined;
  };
}

describe('the import from GrowthBook', () => {
  it(
    'T310 gives every person the value that GrowthBook gives, for random files: the hash, the seeds and the ranges are the same',
    () => {
      const counts = { default: 0, other: 0, leftOut: 0 };
      fc.assert(
        fc.property(files, attributes, (file, viewer) => {
          // `true` is hashed there, and is no unit here.
          fc.pre(typeof viewer['country'] !== 'boolean');
          const plan = readGrowthBook(file, engine);
          const { state } = imported(plan).see(viewer);
          const valueOf = libraryOf(file);
          for (const [name, { defaultValue }] of Object.entries(file.features)) {
            if (!plan.flags.includes(name)) {
              counts.leftOut += 1;
              continue;
            }
            const isSwitch = typeof defaultValue === 'boolean';
            const value = valueOf(name, viewer);
            counts[value === defaultValue ? 'default' : 'other'] += 1;
            // A switch whose prerequisite blocks it has no value there, and is off here.
            expect(valueIn(state, name, isSwitch)).toEqual(isSwitch ? value === true : value);
          }
        }),
        { numRuns: RUNS },
      );
      // Where all are alike, nothing is compared.
      expect(Math.min(counts.default, counts.other)).toBeGreaterThan(RUNS / 10);
      expect(counts.leftOut).toBeLessThan(counts.other);
    },
    TIMEOUT_MS,
  );

  it('T311 makes segments of groups, and asks for $exists where a condition has null', () => {
    const plan = readGrowthBook(
      {
        features: {
          beta: {
            defaultValue: false,
            rules: [{ condition: { id: { $inGroup: 'friends' }, country: null }, force: true }],
          },
        },
        savedGroups: { friends: ['ada', 'grace'] },
      },
      engine,
    );
    expect(plan.segments).toEqual({ 'friends.id': { when: { id: { $in: ['ada', 'grace'] } } } });
    expect(plan.rules.get('beta')?.when).toEqual({
      $and: [{ country: { $exists: false } }, { $savedGroup: { id: 'friends.id' } }],
    });
  });

  it('T312 names what it cannot carry, and carries the other flags', () => {
    const plan = readGrowthBook(
      {
        features: {
          fine: { defaultValue: true },
          mixed: { defaultValue: false, rules: [{ force: 'maybe' }] },
          bandit: { defaultValue: 1, rules: [{ contextualVariations: [1, 2], contextualBanditRef: 'b' }] },
          lookahead: { defaultValue: 1, rules: [{ condition: { id: { $regex: '(?=a)' } }, force: 2 }] },
          nullish: { defaultValue: { a: null } },
          lost: { defaultValue: 1, rules: [{ condition: { id: { $inGroup: 'gone' } }, force: 2 }] },
        },
        experiments: [{ key: 'visual' }],
      },
      engine,
    );
    expect(plan.flags).toEqual(['fine']);
    expect(plan.features).toEqual(['fine']);
    expect(Object.fromEntries(plan.leftOut.map(({ flag, message }) => [flag, message]))).toMatchInlineSnapshot(`
      {
        "bandit": "has a contextual bandit, whose weights are computed elsewhere",
        "lookahead": "has a condition that cannot be kept: id.$regex (?= is not supported in regular expressions",
        "lost": "refers to the group "gone", which is not in the file",
        "mixed": "is on or off by default, and a rule gives it another kind of value",
        "nullish": "has a value whose member a is null, which a document cannot keep",
        "visual": "changes pages by URL, selector or redirect, which is not the state of a campaign",
      }
    `);
  });
});

const NAMES = ['id', 'country', 'age'];
const scalar: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue[]>('de', 'NG', 'ada', 7, 40, true, null);

const attributes: fc.Arbitrary<JsonObject> = fc
  .record({
    id: fc.option(fc.string({ minLength: 1, maxLength: 6 }), { freq: 8, nil: undefined }),
    country: scalar,
    age: scalar,
  })
  .map((record) => {
    const given: JsonObject = {};
    for (const [name, value] of Object.entries(record)) if (value !== undefined && value !== null) given[name] = value;
    return given;
  });

const asked: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }).map((list) => ({ $in: list })),
  fc.array(scalar, { maxLength: 3 }).map((list) => ({ $nin: list })),
  fc.integer({ min: 0, max: 50 }).map((limit) => ({ $gt: limit })),
  scalar.map((value) => ({ $ne: value })),
  scalar.map((value) => ({ $not: { $eq: value } })),
  fc.constantFrom({ $inGroup: 'people' }, { $notInGroup: 'people' }, { $exists: true }, { $regex: '^d' }),
);

const plainCondition = fc.dictionary(fc.constantFrom(...NAMES), asked, { maxKeys: 2 });
const condition: fc.Arbitrary<JsonObject> = fc.oneof(
  plainCondition,
  fc.array(plainCondition, { maxLength: 2 }).map((list) => ({ $or: list })),
  plainCondition.map((one) => ({ $not: one })),
  fc.constant({ $savedGroup: { id: 'grown' } }),
);

const place = fc.oneof(fc.constantFrom(0, 0.1, 0.3, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true }));

function rulesFor(value: fc.Arbitrary<JsonValue>) {
  const drawn = {
    hashAttribute: fc.constantFrom('id', 'country'),
    hashVersion: fc.constantFrom(1, 2),
    seed: fc.constantFrom('', 's', 'seed'),
    condition,
    namespace: fc.tuple(fc.constant('space'), fc.constantFrom(0, 0.2), fc.constantFrom(0.6, 1)),
    filters: fc.array(
      fc.record({ seed: fc.constant('f'), attribute: fc.constant('id'), ranges: fc.tuple(fc.tuple(place, place)) }),
      { maxLength: 2 },
    ),
    parentConditions: fc.tuple(
      fc.record({
        id: fc.constantFrom('parent', 'nowhere'),
        condition: fc.constantFrom<JsonObject[]>({ value: true }, { value: { $exists: true } }, {}),
        gate: fc.boolean(),
      }),
    ),
  };
  const options = { requiredKeys: [] };
  return fc.oneof(
    fc
      .record({ ...drawn, coverage: place, range: fc.tuple(place, place) }, options)
      .chain((rule) => value.map((force) => ({ ...rule, force }))),
    fc
      .record({ ...drawn, coverage: place, weights: fc.constantFrom([0.5, 0.5], [0.9, 0.1], [0.3, 0.3]) }, options)
      .chain((rule) => fc.tuple(value, value).map((variations) => ({ ...rule, key: 'experiment', variations }))),
  );
}

const value: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue[]>(
  'red',
  3,
  ['a'],
  { a: 1, b: { c: 2 } },
  { a: 2, b: { d: 1 } },
  { b: 'x' },
);

const files = fc.record({
  features: fc.record({
    parent: fc.record({
      defaultValue: fc.boolean(),
      rules: fc.array(fc.record({ condition, force: fc.boolean() }, { requiredKeys: ['force'] }), { maxLength: 2 }),
    }),
    toggle: fc.record({ defaultValue: fc.boolean(), rules: fc.array(rulesFor(fc.boolean()), { maxLength: 3 }) }),
    thing: fc.record({ defaultValue: value, rules: fc.array(rulesFor(value), { maxLength: 3 }) }),
  }),
  savedGroups: fc.constant({
    people: ['ada', 'de', 7],
    grown: { type: 'condition', condition: { age: { $gt: 18 } } },
  }),
});
