import fc, { type Arbitrary } from 'fast-check';
import type { BucketRange, Condition, Rule } from '../../server/core/document/targeting-fields.ts';
import { BUCKETS } from '../../server/core/document/targeting-fields.ts';
import type { JsonObject, JsonValue } from '../../server/core/json.ts';
import { normalised } from '../../server/core/targeting/ranges.ts';

/** Attributes from a small pool, so that conditions and viewers meet. */
const NAMES = ['id', 'country', 'age', 'tags', 'device.os', 'device', 'vip', 'version', 'toString'] as const;
export const SEGMENTS = ['lagos', 'adults', 'many'] as const;

const texts = fc.constantFrom('', 'NG', 'ng', 'DE', 'ios', '1.2.3', '1.10.0', '7', 'user-7', 'a/b', 'null');
const numbers = fc.constantFrom(0, 7, 18, 21.5, -1);
const scalars: Arbitrary<JsonValue> = fc.oneof(texts, numbers, fc.boolean());
const lists = fc.array(fc.oneof(texts, numbers), { maxLength: 3 });

/** What somebody may say of itself. */
export const attributes: Arbitrary<JsonObject> = fc.record(
  {
    id: fc.oneof(
      fc.nat(99_999).map((number) => `user-${number}`),
      numbers,
      fc.constant(''),
    ),
    country: scalars,
    age: scalars,
    tags: fc.oneof(lists, texts),
    vip: fc.oneof(fc.boolean(), fc.constant(null)),
    version: texts,
    device: fc.oneof(
      texts.map((os) => ({ os })),
      scalars,
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
);

const expressions = fc.constantFrom(
  '^N',
  'G$',
  'user-\\d+',
  'i?os',
  '^(a|b)+/b$',
  '[a-c]{1,3}',
  '\\bnull\\b',
  '',
  'a/b',
);

const value: Arbitrary<JsonValue> = fc.oneof(
  scalars,
  lists,
  texts.map((os) => ({ os })),
);

const operators: Arbitrary<JsonObject> = fc.letrec<{ any: JsonObject }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 2 },
    fc.record({ $eq: scalars }),
    fc.record({ $ne: scalars }),
    fc.record({ $gt: fc.oneof(numbers, texts) }),
    fc.record({ $lte: fc.oneof(numbers, texts), $ne: scalars }),
    fc.record({ $in: lists }),
    fc.record({ $nin: lists }),
    fc.record({ $ini: lists }),
    fc.record({ $all: lists }),
    fc.record({ $exists: fc.boolean() }),
    fc.record({ $type: fc.constantFrom('string', 'number', 'boolean', 'array', 'object', 'null') }),
    fc.record({ $size: fc.oneof(fc.nat(3), fc.record({ $gt: fc.nat(2) })) }),
    fc.record({ $elemMatch: fc.oneof(fc.record({ $eq: scalars }), fc.record({ os: texts })) }),
    fc.record({ $vgt: texts }),
    fc.record({ $vlte: texts }),
    fc.record({ $regex: expressions }),
    fc.record({ $regexi: expressions, $ne: scalars }),
    fc.record({ $not: tie('any') }),
  ),
})).any;

/** Conditions with everything that is taken, over a viewer's attributes and the segments. */
export function conditions({ segments = SEGMENTS as readonly string[] } = {}): Arbitrary<Condition> {
  return fc.letrec<{ any: JsonObject }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.dictionary(fc.constantFrom(...NAMES), fc.oneof(operators, value), { maxKeys: 2, noNullPrototype: true }),
      fc.record({ $or: fc.array(tie('any'), { maxLength: 3 }) }),
      fc.record({ $nor: fc.array(tie('any'), { maxLength: 2 }) }),
      fc.record({ $and: fc.array(tie('any'), { maxLength: 3 }) }),
      fc.record({ $not: tie('any') }),
      ...(segments.length > 0 ? [fc.record({ $savedGroup: fc.record({ id: fc.constantFrom(...segments) }) })] : []),
    ),
  })).any;
}

const ranges = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(BUCKETS), fc.nat(3_000)), { maxLength: 6 })
  .map((pieces) => {
    const byArm: Record<string, BucketRange[]> = { a: [], b: [], c: [] };
    let from = 0;
    for (const [arm, skip, length] of pieces) {
      const start = Math.min(BUCKETS, from + (skip % 1_000));
      from = Math.min(BUCKETS, start + length);
      byArm[arm]?.push([start, from]);
    }
    return Object.fromEntries(Object.entries(byArm).map(([arm, list]) => [arm, normalised(list)]));
  });

/** Running rules with any condition and any ranges. */
export const rules: Arbitrary<Rule> = fc.record(
  {
    order: fc.constant(1),
    status: fc.constant('running' as const),
    unit: fc.constantFrom('id', 'country', 'age'),
    seed: fc.string({ minLength: 1, maxLength: 8 }),
    hashVersion: fc.constantFrom(1 as const, 2 as const),
    coverage: fc.constant(1),
    phase: fc.constant(1),
    arms: fc.constant({ a: { weight: 1, change: {} }, b: { weight: 1, change: {} }, c: { weight: 1, change: {} } }),
    ranges,
    when: conditions(),
  },
  {
    requiredKeys: ['order', 'status', 'unit', 'seed', 'hashVersion', 'coverage', 'phase', 'arms', 'ranges'],
    noNullPrototype: true,
  },
);
