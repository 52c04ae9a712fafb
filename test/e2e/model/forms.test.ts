import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { diff, jsonEqual, mergePatch, type JsonObject, type JsonValue } from '@campaign-state/client';
import { describeFields } from '../../../server/core/document/described/describe-fields.ts';
import { sections } from '../../../start/sections.ts';
import { faultOf } from '../../../demo/src/editing/forms/model/faults.ts';
import { fieldOf, fieldsOf, type FormField } from '../../../demo/src/editing/forms/model/fields.ts';
import { initialValue } from '../../../demo/src/editing/forms/model/initial-value.ts';
import { keyed, NO_ITEMS, withMoved } from '../../../demo/src/editing/forms/model/item-keys.ts';
import { patchAt, valueAt } from '../../../demo/src/editing/forms/model/patch-at.ts';
import { shapeOf } from '../../../demo/src/editing/forms/model/read-schema.ts';
import { OPEN, type Shape } from '../../../demo/src/editing/forms/model/shape.ts';
import { typedValue, written } from '../../../demo/src/editing/forms/model/typed-value.ts';
import { variantsOf } from '../../../demo/src/editing/forms/model/variants.ts';

/** A schema, and values that it takes. */
interface Case {
  readonly schema: z.ZodType;
  readonly value: fc.Arbitrary<JsonValue>;
}

const name = fc.constantFrom('a', 'b', 'title', 'main_text');

const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.record({ min: fc.nat(2), more: fc.nat(9) }).map(({ min, more }) => ({
    schema: z
      .string()
      .min(min)
      .max(min + more),
    value: fc.string({ minLength: min, maxLength: min + more }),
  })),
  fc.record({ min: fc.integer({ min: -9, max: 9 }), more: fc.nat(9) }).map(({ min, more }) => ({
    schema: z
      .int()
      .min(min)
      .max(min + more),
    value: fc.integer({ min, max: min + more }),
  })),
  fc.constantFrom<Case>(
    { schema: z.number(), value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0) },
    { schema: z.number().gt(0).lt(1), value: fc.constantFrom(0.25, 0.5, 1e-9) },
    { schema: z.boolean(), value: fc.boolean() },
    { schema: z.enum(['x', 'y', 'z']), value: fc.constantFrom('x', 'y', 'z') },
    { schema: z.literal([1, 'one']), value: fc.constantFrom(1, 'one') },
    { schema: z.url(), value: fc.webUrl() },
    { schema: z.iso.date(), value: fc.constantFrom('2026-02-28', '1999-12-31') },
    {
      schema: z.iso.datetime({ offset: true }),
      value: fc.constantFrom('2026-02-28T01:02:03Z', '2026-02-28T01:02:03.5+02:00'),
    },
    { schema: z.union([z.string(), z.number()]), value: fc.oneof(fc.string(), fc.integer()) },
    { schema: z.string().nullable(), value: fc.option(fc.string()) },
    { schema: z.tuple([z.string(), z.number()]), value: fc.tuple(fc.string(), fc.integer()) },
    {
      schema: z.any(),
      value: fc.jsonValue({ maxDepth: 2 }).map((value): JsonValue => JSON.parse(JSON.stringify(value))),
    },
  ),
);

const { tree } = fc.letrec<{ tree: Case }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    tie('tree').map(({ schema, value }) => ({
      schema: z.array(schema).max(4),
      value: fc.array(value, { maxLength: 4 }),
    })),
    tie('tree').map(({ schema, value }) => ({
      schema: z.record(z.string(), schema),
      value: fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true }),
    })),
    fc
      .uniqueArray(fc.record({ name, inner: tie('tree'), isRequired: fc.boolean() }), {
        selector: (member) => member.name,
        maxLength: 3,
      })
      .map((members): Case => ({
        schema: z.looseObject(
          Object.fromEntries(
            members.map(({ name: key, inner, isRequired }) => [
              key,
              isRequired ? inner.schema : inner.schema.exactOptional(),
            ]),
          ),
        ),
        value: fc
          .record(Object.fromEntries(members.map(({ name: key, inner }) => [key, inner.value])), {
            requiredKeys: members.filter(({ isRequired }) => isRequired).map(({ name: key }) => key),
            noNullPrototype: true,
          })
          // Of members that may be missing fast-check's type says that they may be undefined.
          .map((object): JsonValue => JSON.parse(JSON.stringify(object))),
      })),
    fc.tuple(tie('tree'), tie('tree')).map(([one, other]): Case => ({
      schema: z.union([
        z.looseObject({ type: z.literal('one'), inner: one.schema }),
        z.looseObject({ type: z.literal('other'), inner: other.schema }),
      ]),
      value: fc.oneof(
        one.value.map((inner) => ({ type: 'one', inner })),
        other.value.map((inner) => ({ type: 'other', inner })),
      ),
    })),
  ),
}));

const cases = tree.chain(({ schema, value }) => fc.record({ schema: fc.constant(schema), value }));

function shapeFor(schema: z.ZodType): Shape {
  return shapeOf(describeFields({ page: schema })['page'] ?? []);
}

/** Every field of a form, those that hold others too. */
function allFields(field: FormField | undefined): readonly FormField[] {
  if (!field) return [];
  const { shape, value, place } = field;
  if (shape.kind === 'list' && Array.isArray(value))
    return [field, ...value.flatMap((item, index) => allFields(fieldOf(shape.item, item, [...place, String(index)])))];
  if (shape.kind !== 'object' || typeof value !== 'object' || value === null || Array.isArray(value)) return [field];
  return [field, ...fieldsOf(shape, value, place).flatMap(allFields)];
}

const leavesOf = (shape: Shape, value: JsonValue) =>
  allFields(fieldOf(shape, value, ['page'])).filter(
    (field) => field.value !== undefined && (field.shape.kind === 'text' || field.shape.kind === 'number'),
  );

describe('D141 forms made of schemas', () => {
  it('D141 refuse nothing that the schema takes, and show every value that has one', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        const shape = shapeFor(schema);
        expect(schema.safeParse(value).success).toBe(true);
        expect(faultOf(shape, value)).toBeUndefined();
        const shown = allFields(fieldOf(shape, value, ['page']));
        for (const field of shown)
          if (field.value !== undefined) expect(valueAt({ page: value }, field.place)).toBe(field.value);
      }),
      { numRuns: 100 },
    );
  });

  it('D141 write each value so that it reads as itself, and change nothing by that', () => {
    fc.assert(
      fc.property(cases, ({ schema, value }) => {
        const document = { page: value };
        for (const field of leavesOf(shapeFor(schema), value)) {
          const read = typedValue(field, written(field.value));
          // An optional text that is empty is the same as one that is missing.
          if (field.value === '' && field.isOptional) continue;
          expect(read).toEqual({ ok: true, value: field.value });
          expect(patchAt(document, field.place, read.ok ? read.value : null)).toEqual({});
        }
      }),
      { numRuns: 100 },
    );
  });

  it('D141 change one place by the smallest merge patch, and leave every other as it is', () => {
    const document = fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3, noNullPrototype: true });
    const places = fc.array(fc.oneof(name, fc.constantFrom('0', '1')), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        document,
        places,
        fc.option(fc.constantFrom<JsonValue>('new', 7, false, ['x'], { a: 1 }), { nil: undefined }),
        (given, place, next) => {
          const before = withoutNulls(JSON.parse(JSON.stringify(given)));

          // A list has items, and no members.
          fc.pre(
            !place.some((key, length) => Array.isArray(valueAt(before, place.slice(0, length))) && !/^\d$/.test(key)),
          );
          const after = naive(before, place, next);
          const patch = patchAt(before, place, next);
          expect(mergePatch(before, patch)).toEqual(after);
          expect(patch).toEqual(diff(before, after));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('D141 empty a field away only where a schema names it, may miss it, and shows it then too', () => {
    const emptied = (schema: z.ZodType, value: JsonObject) => {
      const field = fieldOf(shapeFor(schema), value, ['page']);
      const [first] = field?.shape.kind === 'object' ? fieldsOf(field.shape, value, field.place) : [];
      return first && typedValue(first, '');
    };
    const value = { a: 'x' };
    expect(emptied(z.object({ a: z.string().exactOptional() }), value)).toEqual({ ok: true, value: undefined });
    for (const schema of [
      z.any(),
      z.record(z.string(), z.string()),
      z.looseObject({}),
      z.object({ a: z.string() }),
      z.object({ a: z.any().optional() }),
      z.object({ a: z.string().nullable().exactOptional() }),
    ])
      expect(emptied(schema, value)).toEqual({ ok: true, value: '' });
    expect(emptied(z.any(), { a: 7 })).toMatchObject({ ok: false });
  });

  it('D141 so two people change two fields of one module, in whatever order, and both stand', () => {
    fc.assert(
      fc.property(cases, fc.nat(), fc.nat(), ({ schema, value }, one, other) => {
        const document = { page: value };
        const fields = leavesOf(shapeFor(schema), value).filter(({ place }) => !isInList(document, place));
        const [a, b] = [fields[one % fields.length], fields[other % fields.length]];
        if (!a || !b || a === b) return;
        const [first, second] = [patchAt(document, a.place, 'A'), patchAt(document, b.place, 'B')];
        const there = mergePatch(mergePatch(document, first), second);
        expect(there).toEqual(mergePatch(mergePatch(document, second), first));
        expect([valueAt(there, a.place), valueAt(there, b.place)]).toEqual(['A', 'B']);
      }),
      { numRuns: 100 },
    );
  });
});

/** A document holds no `null` members outside of lists. */
function withoutNulls(value: JsonObject): JsonObject {
  return mergePatch({}, value);
}

/** The same, slowly. */
function naive(document: JsonObject, place: readonly string[], next: JsonValue | undefined): JsonObject {
  const copy: JsonObject = JSON.parse(JSON.stringify(document));
  if (next === undefined && valueAt(copy, place) === undefined) return copy;
  let at: JsonValue = copy;
  for (const [index, key] of place.entries()) {
    const isLast = index === place.length - 1;
    if (Array.isArray(at)) {
      const number = Number(key);
      if (isLast) {
        if (next === undefined) at.splice(number, 1);
        else at[Math.min(number, at.length)] = next;
        return copy;
      }
      if (typeof at[number] !== 'object' || at[number] === null) at[Math.min(number, at.length)] = {};
      at = at[Math.min(number, at.length - 1)] ?? null;
      continue;
    }
    if (typeof at !== 'object' || at === null) throw new Error('no object');
    const object: JsonObject = at;
    if (isLast) {
      if (next === undefined) delete object[key];
      else object[key] = next;
      return copy;
    }
    const inner = Object.hasOwn(object, key) ? object[key] : undefined;
    if (typeof inner !== 'object' || inner === null) object[key] = {};
    at = object[key] ?? null;
  }
  return copy;
}

function isInList(document: JsonValue, place: readonly string[]): boolean {
  return place.some((_key, length) => Array.isArray(valueAt(document, place.slice(0, length))));
}

describe('D141 the shapes of schemas', () => {
  it('D141 have the limits of all schemas of a field, and the words of the last', () => {
    expect(
      shapeOf([
        { type: 'string', maxLength: 500 },
        { type: 'string', minLength: 2, maxLength: 80, title: 'Banner' },
      ]),
    ).toMatchObject({ kind: 'text', min: 2, max: 80, title: 'Banner' });
    const [known, own] = [
      { type: 'object' },
      { properties: { price: { type: 'number', minimum: 0 } }, required: ['price'] },
    ];
    expect(shapeOf([known, own])).toMatchObject({ kind: 'object' });
  });

  it('D141 end where a schema contains itself', () => {
    const node: z.ZodType = z.looseObject({ name: z.string(), children: z.array(z.lazy(() => node)) });
    const value = { name: 'a', children: [{ name: 'b', children: [{ name: 'c', children: [] }] }] };
    expect(faultOf(shapeFor(node), value)).toBeUndefined();
    expect(allFields(fieldOf(shapeFor(node), value, ['page'])).map(({ place }) => place.join('.'))).toContain(
      'page.children.0.children.0.name',
    );
  });

  it('D141 are read in bounded work where many schemas contain each other, and the first of them in full', () => {
    const names = ['a', 'b', 'c'];
    const one = { anyOf: names.map((other) => ({ $ref: `#/$defs/${other}` })) };
    const $defs = Object.fromEntries(
      names.map((own) => [
        own,
        { type: 'object', properties: { type: { const: own }, more: one }, required: ['type'] },
      ]),
    );
    const shape = shapeOf([{ $defs, type: 'object', properties: { first: one, last: one } }]);
    expect(parts(shape)).toBeLessThan(20_000);
    const value = { first: { type: 'c', more: { type: 'a' } }, last: { type: 'z' } };
    expect(faultOf(shape, value)?.path).toEqual(['last']);
  });

  it('D141 say what is wrong as the server says it, with the limit', () => {
    const said = (schema: z.ZodType, value: JsonValue) => faultOf(shapeFor(schema), value)?.words;
    expect(said(z.string().max(3), 'four')).toBe('must have at most 3 characters; it has 4');
    expect(said(z.string().min(1), '')).toBe('must not be empty');
    expect(said(z.int().max(9), 9.5)).toBe('must be a whole number');
    expect(said(z.number().max(9), 10)).toBe('must be at most 9');
    expect(said(z.number().gt(0), 0)).toBe('must be more than 0');
    expect(said(z.enum(['a', 'b']), 'c')).toBe('must be one of a, b');
    expect(said(z.array(z.any()).max(1), [1, 2])).toBe('must have at most 1 item');
    expect(faultOf(shapeFor(z.object({ a: z.array(z.object({ b: z.int() })) })), { a: [{ b: 'x' }] })).toEqual({
      path: ['a', '0', 'b'],
      words: 'must be a number',
    });
  });

  it('D141 are those of the variants that a type names, and others are what they look like', () => {
    const modules = shapeOf(describeFields(sections)['ui_components'] ?? []);
    if (modules.kind !== 'object' || !modules.rest) throw new Error('no collection');
    const kinds = variantsOf(modules.rest);
    expect(kinds.map(({ label }) => label)).toContain('Progress towards a goal');
    for (const { shape } of kinds) expect(faultOf(modules.rest, initialValue(shape))).toBeUndefined();
    const fields = (value: JsonObject) => {
      const field = fieldOf(modules.rest ?? OPEN, value, ['ui_components', 'm']);
      return field?.shape.kind === 'object' ? fieldsOf(field.shape, value, field.place).map(({ label }) => label) : [];
    };
    expect(fields({ type: 'progress', value: 'not a number', extra: 1 })).toEqual([
      'Heading',
      'So far',
      'Goal',
      'Unit',
      'Extra',
    ]);
    expect(fields({ type: 'hero', main_text: 'x' })).toEqual(['Type', 'Main text']);
  });

  it('D141 begin with what the schema takes, wherever it says enough', () => {
    const fields = describeFields(sections);
    for (const name of ['commerce', 'referral', 'scheduling', 'scripts'])
      for (const place of listsIn(shapeOf(fields[name] ?? [])))
        for (const { shape } of variantsOf(place)) expect(faultOf(place, initialValue(shape))).toBeUndefined();
  });
});

/** How many shapes there are in one. */
function parts(shape: Shape): number {
  const inner =
    shape.kind === 'union'
      ? shape.options
      : shape.kind === 'object'
        ? [...shape.members.values()].map((member) => member.shape)
        : [];
  return inner.reduce((sum, one) => sum + parts(one), 1);
}

/** The shapes of items of all lists. */
function listsIn(shape: Shape): readonly Shape[] {
  if (shape.kind === 'list') return [shape.item, ...listsIn(shape.item)];
  if (shape.kind !== 'object') return [];
  return [...shape.members.values()]
    .map((member) => member.shape)
    .concat(shape.rest ?? [])
    .flatMap(listsIn);
}

describe('D142 lists', () => {
  it('D142 keep the key of each item over moves, removals, additions and edits', () => {
    const start = keyed(NO_ITEMS, ['a', 'b', 'c']);
    expect(start.keys).toEqual([0, 1, 2]);
    expect(keyed(start, withMoved(start.items, 0, 2)).keys).toEqual([1, 2, 0]);
    expect(keyed(start, ['a', 'c']).keys).toEqual([0, 2]);
    expect(keyed(start, ['a', 'B', 'c']).keys).toEqual([0, 1, 2]);
    expect(keyed(start, ['a', 'b', 'c', 'd']).keys).toEqual([0, 1, 2, 3]);
    const same = keyed(NO_ITEMS, ['x', 'x', 'x']);
    expect(keyed(same, ['x', 'y', 'x']).keys).toEqual([0, 1, 2]);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c')),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd')),
        (one, other) => {
          const { keys } = keyed(keyed(NO_ITEMS, one), other);
          expect(new Set(keys).size).toBe(other.length);
        },
      ),
    );
  });

  it('D142 move one item and keep the others in order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { minLength: 1 }), fc.nat(), fc.nat(), (items, from, to) => {
        const [a, b] = [from % items.length, to % items.length];
        const moved = withMoved(items, a, b);
        expect(moved[b]).toBe(items[a]);
        expect(moved.filter((item) => item !== items[a])).toEqual(items.filter((item) => item !== items[a]));
      }),
    );
    expect(jsonEqual([...withMoved(['a', 'b', 'c'], 2, 0)], ['c', 'a', 'b'])).toBe(true);
  });
});
