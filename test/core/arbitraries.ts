import fc, { type Arbitrary } from 'fast-check';
import { CONFIG_SECTIONS, SET_FIELDS } from '../../server/core/document/campaign.ts';
import type { EditCommand, SimpleCommand } from '../../server/core/commands/command.ts';
import type { JsonObject, JsonValue } from '../../server/core/json.ts';

/** Names that mean something to JavaScript, to paths or to nobody; all may be keys of a document. */
const ODD_KEYS = [
  'toString',
  'hasOwnProperty',
  'valueOf',
  '__defineGetter__',
  'length',
  '0',
  '-1',
  '',
  'a.b',
  'é',
  '𝄞',
  'null',
];

/** Keys from a small pool, so that target and patch meet. */
const keys = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_KEYS) },
);

const texts = fc.oneof(
  fc.constantFrom('', 'x', 'é', '𝄞', '"', '\\', '\n', ' '),
  fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => text.isWellFormed() && !text.includes('\u0000')),
);

const scalars: Arbitrary<JsonValue> = fc.oneof(
  texts,
  fc.boolean(),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
);

function tree(nullMembers: boolean): Arbitrary<JsonValue> {
  const { node } = fc.letrec<{ node: JsonValue; inArray: JsonValue; object: JsonObject; array: JsonValue[] }>(
    (tie) => ({
      node: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'tree' },
        nullMembers ? fc.oneof(scalars, fc.constant(null)) : scalars,
        tie('object'),
        tie('array'),
      ),
      // Inside arrays `null` is a value like any other, in objects there too.
      inArray: fc.oneof(
        { maxDepth: 4, depthIdentifier: 'tree' },
        scalars,
        fc.constant(null),
        fc.dictionary(keys, fc.oneof(scalars, fc.constant(null)), { maxKeys: 2, noNullPrototype: true }),
      ),
      object: fc.dictionary(keys, tie('node'), { maxKeys: 4, noNullPrototype: true }),
      array: fc.array(tie('inArray'), { maxLength: 3 }),
    }),
  );
  return node;
}

function objects(nullMembers: boolean): Arbitrary<JsonObject> {
  return fc.dictionary(keys, tree(nullMembers), { maxKeys: 5, noNullPrototype: true });
}

/** Objects without `null` members outside arrays, as a document's are. */
export const plainDocuments = objects(false);

/** The document with each of its objects made large by members that no patch names, before and behind its own. */
export function enlarged(value: JsonObject): JsonObject;
export function enlarged(value: JsonValue): JsonValue;
export function enlarged(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const filler = (name: string) => Array.from({ length: 40 }, (_none, index) => [`${name}${index}`, index] as const);
  const members = Object.entries(value).map(([key, member]) => [key, enlarged(member)] as const);
  return Object.fromEntries([...filler('before'), ...members, ...filler('behind')]);
}

/** Merge patches: any object that `cleanJson` lets pass. */
export const patches = objects(true);

/** Any JSON at all, as a stranger may send it: forbidden keys, broken UTF-16, `-0`, numbers that overflow. */
export const anyJson: Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ stringUnit: 'binary' }),
  fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.constantFrom('\ud800', 'a\udc00', '\u0000', '', null, true, -0, 1 / 0, 1e-7, Number.MAX_VALUE),
        scalars,
      ),
      fc.array(tie('node'), { maxLength: 4 }),
      // By way of text, so that `__proto__` becomes a member like any other.
      fc
        .array(
          fc.tuple(
            fc.oneof(
              keys,
              fc.constantFrom(
                '__proto__',
                'constructor',
                'prototype',
                '\ud800',
                '\u0000',
                'slug',
                'title',
                'features',
                'metadata',
              ),
            ),
            tie('node'),
          ),
          { maxLength: 4 },
        )
        .map(
          (members) =>
            JSON.parse(
              `{${members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value) ?? 'null'}`).join(',')}}`,
            ) as unknown,
        ),
    ),
  })).node,
);

export const featureLists = fc.array(
  fc.constantFrom('analytics', 'badges', 'chat', 'donations', 'events', 'toString', '__proto__', ''),
  { maxLength: 6 },
);

const sets = fc.uniqueArray(fc.constantFrom('analytics', 'badges', 'chat', 'donations', 'events', 'web', 'sms'), {
  maxLength: 5,
});

/** Documents that `check` lets stand. */
export const campaignStates: Arbitrary<JsonObject> = fc
  .record(
    {
      slug: fc.constantFrom('summer', 'winter'),
      title: fc.constantFrom('Summer', 'Été', '𝄞'),
      description: texts,
      status: fc.constantFrom('draft', 'active', 'paused', 'ended'),
      owner_id: fc.constantFrom('u1', 'u2'),
      ...Object.fromEntries(SET_FIELDS.map((field) => [field, sets])),
      theme: fc.dictionary(keys, scalars, { maxKeys: 3, noNullPrototype: true }),
      ui_content: fc.record({ banner: texts, cta: texts, a: tree(false) }, { requiredKeys: [], noNullPrototype: true }),
      views: plainDocuments,
      commerce: plainDocuments,
    },
    { requiredKeys: ['slug', 'title'], noNullPrototype: true },
  )
  .map((state) => state as JsonObject);

const updates: Arbitrary<JsonObject> = fc
  .tuple(
    patches,
    fc.record(
      {
        title: fc.oneof(fc.constantFrom<JsonValue>('Summer', 'Autumn', '', null, 7)),
        status: fc.constantFrom<JsonValue>('active', 'draft', 'open', null),
        features: fc.oneof<Arbitrary<JsonValue>[]>(featureLists, fc.constantFrom<JsonValue>(null, 'chat', {})),
        ui_content: fc.oneof(patches, fc.constant(null)),
        commerce: patches,
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  )
  .map(([open, known]) => ({ ...open, ...known }));

export const simpleCommands: Arbitrary<SimpleCommand> = fc.oneof(
  updates.map((given): SimpleCommand => ({ type: 'update', updates: given })),
  fc
    .tuple(featureLists, fc.constantFrom('add', 'remove', 'set'))
    .map(([features, action]): SimpleCommand => ({ type: 'updateFeatures', features, action })),
  fc
    .tuple(fc.constantFrom(...CONFIG_SECTIONS), patches, fc.constantFrom('merge', 'replace', undefined))
    .map(([section, value, mode]): SimpleCommand => ({ type: 'updateConfig', section, value, ...(mode && { mode }) })),
);

/** Well-typed commands, most of which `check` lets pass, and some not. */
export const editCommands: Arbitrary<EditCommand> = fc.oneof(
  { weight: 4, arbitrary: simpleCommands },
  {
    weight: 1,
    arbitrary: fc.array(simpleCommands, { maxLength: 4 }).map((commands): EditCommand => ({ type: 'batch', commands })),
  },
);
