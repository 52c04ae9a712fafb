import type { JsonObject, JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import { both } from './both.ts';
import { JSON_ONLY, OPEN, TEXT, type Member, type Shape, type TextFormat } from './shape.ts';

/** How often one definition is entered on the way to a place: what is deeper is read off the value. */
const MAX_ROUNDS = 3;

/** Definitions within definitions that are entered, and parts of a schema that are read: fewer of those, then. */
const MAX_ENTERED = 12;
const MAX_READ = 10_000;

const FORMATS: Readonly<Record<string, TextFormat>> = {
  uri: 'link',
  url: 'link',
  'uri-reference': 'link',
  email: 'email',
  date: 'date',
  'date-time': 'date-time',
  color: 'colour',
  multiline: 'lines',
};

/** Formats that allow what zod has a pattern for, which says nothing more. */
const SAID_BY_FORMAT: ReadonlySet<string> = new Set(['email', 'date', 'date-time']);

/** What no form can say. */
const UNREAD = ['prefixItems', 'if', 'patternProperties', 'dependentSchemas'];

/**
 * The shape that values have which meet all of these JSON Schemas (draft 2020-12, as zod writes it): `open` where they
 * say nothing, `json` where they say what no form can.
 *
 * @example shapeOf([{ type: 'string', maxLength: 80 }]) // { kind: 'text', max: 80, … }
 */
export function shapeOf(schemas: readonly JsonObject[]): Shape {
  return schemas.map(readWhole).reduce(both, OPEN);
}

/** As deep as it can be in bounded work, everywhere alike: definitions that contain each other branch. */
function readWhole(root: JsonObject): Shape {
  for (let depth = MAX_ENTERED; ; depth -= 1) {
    const work = { left: depth === 0 ? Infinity : MAX_READ };
    const shape = read(root, { root, entered: [], depth, work });
    if (work.left >= 0) return shape;
  }
}

interface Place {
  /** What `$ref`s point into. */
  readonly root: JsonObject;
  /** The `$ref`s on the way here. */
  readonly entered: readonly string[];
  /** How many of them there may be. */
  readonly depth: number;
  /** What may still be read of the whole. */
  readonly work: { left: number };
}

function read(schema: JsonValue | undefined, place: Place): Shape {
  if (!isObject(schema)) return schema === false ? JSON_ONLY : OPEN;
  place.work.left -= 1;
  if (place.work.left < 0) return OPEN;
  const { $ref: ref } = schema;
  if (typeof ref === 'string') return described(schema, readReferred(ref, place));
  if (UNREAD.some((keyword) => Object.hasOwn(schema, keyword))) return described(schema, JSON_ONLY);
  const parts = [readPlain(schema, place), ...list(schema['allOf']).map((part) => read(part, place))];
  for (const keyword of ['anyOf', 'oneOf'])
    if (Array.isArray(schema[keyword]))
      parts.push({ kind: 'union', options: list(schema[keyword]).map((option) => read(option, place)) });
  return described(schema, parts.reduce(both, OPEN));
}

function readReferred(ref: string, place: Place): Shape {
  const { root, entered, depth } = place;
  if (entered.length >= depth || entered.filter((other) => other === ref).length >= MAX_ROUNDS) return OPEN;
  let found: JsonValue | undefined = root;
  for (const key of ref.split('/').slice(1)) {
    const name = decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return ref.startsWith('#') && found !== undefined ? read(found, { ...place, entered: [...entered, ref] }) : JSON_ONLY;
}

function readPlain(schema: JsonObject, place: Place): Shape {
  const { type } = schema;
  if (Object.hasOwn(schema, 'const')) return { kind: 'choice', options: [schema['const'] ?? null] };
  if (Array.isArray(schema['enum'])) return { kind: 'choice', options: schema['enum'] };
  if (Array.isArray(type))
    return { kind: 'union', options: type.map((one) => readPlain({ ...schema, type: one }, place)) };
  switch (type) {
    case 'string':
      return readText(schema);
    case 'number':
    case 'integer':
      return {
        kind: 'number',
        isWhole: type === 'integer' || schema['multipleOf'] === 1,
        min: number(schema['minimum']),
        max: number(schema['maximum']),
        above: number(schema['exclusiveMinimum']),
        below: number(schema['exclusiveMaximum']),
      };
    case 'boolean':
      return { kind: 'switch' };
    case 'array':
      return {
        kind: 'list',
        item: read(schema['items'], place),
        min: number(schema['minItems']),
        max: number(schema['maxItems']),
      };
    case 'object':
      return readObject(schema, place);
    case 'null':
      return { kind: 'choice', options: [null] };
    default:
      return isObject(schema['properties']) ? readObject(schema, place) : OPEN;
  }
}

function readText(schema: JsonObject): Shape {
  const { format: named, pattern, not } = schema;
  const said = typeof named === 'string' ? named : '';
  const isHtml = schema['contentMediaType'] === 'text/html';
  return {
    ...TEXT,
    format: isHtml ? 'html' : Object.hasOwn(FORMATS, said) ? FORMATS[said] : undefined,
    schemes: Array.isArray(schema['schemes']) ? schema['schemes'].map(String) : undefined,
    isRelative: said === 'uri-reference' ? true : undefined,
    min: number(schema['minLength']),
    max: number(schema['maxLength']),
    patterns: typeof pattern === 'string' && !SAID_BY_FORMAT.has(said) ? [pattern] : [],
    suggestions: list(schema['examples']).filter((example) => typeof example === 'string'),
    excluded: isObject(not) ? list(not['enum']) : [],
  };
}

function readObject(schema: JsonObject, place: Place): Shape {
  const { properties, additionalProperties: rest } = schema;
  const required = list(schema['required']);
  const members = new Map<string, Member>();
  for (const [name, member] of Object.entries(isObject(properties) ? properties : {}))
    members.set(name, { shape: read(member, place), isRequired: required.includes(name) });
  return { kind: 'object', members, rest: rest === false ? undefined : read(rest, place) };
}

/** With what the schema says of it in words. */
function described(schema: JsonObject, shape: Shape): Shape {
  const { title, description } = schema;
  return {
    ...shape,
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
  };
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function number(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
