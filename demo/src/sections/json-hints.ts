import { jsonEqual, type JsonValue } from '@campaign-state/client';
import { initialValue } from '../editing/forms/model/initial-value.ts';
import { resolveShape, tagsOf } from '../editing/forms/model/resolve-shape.ts';
import { count } from '../editing/forms/model/faults.ts';
import type { ListShape, Shape } from '../editing/forms/model/shape.ts';
import { isObject } from './json.ts';
import type { JsonPlace } from './json-place.ts';

/** Something that may stand at a place, as JSON. */
export interface JsonHint {
  /** What it is called, and what is typed to find it. */
  readonly text: string;
  /** What is put there; of a name, with a value to begin with. */
  readonly whole: string;
  /** What may stand there, in words. */
  readonly detail: string;
  readonly info: string | undefined;
}

/** Of one text so many are said: of more, a form is the better place to choose. */
const MAX_SAID = 6;

/**
 * The shapes that a value may have at a path: one, or as many as the schema leaves open.
 *
 * @param soFar what is there of the whole: it tells which of several it is, and is asked for there alone
 */
export function shapesAt(shape: Shape, soFar: () => JsonValue | undefined, path: JsonPlace['path']): readonly Shape[] {
  let shapes = options(shape, soFar);
  path.forEach((key, index) => {
    const there = (): JsonValue | undefined => valueAt(soFar(), path.slice(0, index + 1));
    shapes = shapes.flatMap((each) => inside(each, key)).flatMap((each) => options(each, there));
  });
  return shapes;
}

/**
 * What may stand there.
 *
 * @param shape of the whole
 * @param soFar what is there of the whole
 */
export function hintsAt(
  { kind, path }: Pick<JsonPlace, 'kind' | 'path'>,
  shape: Shape,
  soFar: () => JsonValue | undefined,
): readonly JsonHint[] {
  const hints =
    kind === 'value'
      ? shapesAt(shape, soFar, path).flatMap(valuesOf)
      : shapesAt(shape, soFar, path.slice(0, -1)).flatMap((each) => namesOf(each, takenBeside(path, soFar())));
  return [...new Map(hints.map((hint) => [hint.text, hint])).values()];
}

/** The names that an object has beside the one at that path. */
function takenBeside(path: JsonPlace['path'], soFar: JsonValue | undefined): readonly string[] {
  const object = valueAt(soFar, path.slice(0, -1));
  return isObject(object) ? Object.keys(object).filter((name) => name !== path.at(-1)) : [];
}

/**
 * What a schema says of a value, in words: its kind and limits, and what it is for.
 *
 * @example sayShape({ kind: 'text', max: 80, … }) // 'Text, at most 80 characters'
 */
export function sayShape(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return [TEXTS[shape.format ?? 'plain'], ...sayCount(shape, 'character')].join(', ');
    case 'number':
      return [
        shape.isWhole ? 'Whole number' : 'Number',
        ...bound('at least', shape.min),
        ...bound('more than', shape.above),
        ...bound('at most', shape.max),
        ...bound('less than', shape.below),
      ].join(', ');
    case 'switch':
      return 'true or false';
    case 'choice':
      return shape.options.length > MAX_SAID
        ? `One of ${shape.options.length}`
        : shape.options.map((option) => JSON.stringify(option)).join(' or ');
    case 'list':
      return ['List', ...sayCount(shape, 'item')].join(', ');
    case 'object':
      return 'Object';
    case 'union':
      return [...new Set(shape.options.map(sayShape))].join(' or ');
    case 'open':
    case 'json':
      return 'Anything';
  }
}

function sayCount({ min, max }: Pick<ListShape, 'min' | 'max'>, unit: string): string[] {
  return [
    ...(min !== undefined && min > 0 ? [`at least ${count(min, unit)}`] : []),
    ...(max !== undefined ? [`at most ${count(max, unit)}`] : []),
  ];
}

function bound(words: string, limit: number | undefined): string[] {
  return limit === undefined ? [] : [`${words} ${limit}`];
}

const TEXTS = {
  plain: 'Text',
  link: 'Address',
  email: 'E-mail address',
  date: 'Date',
  'date-time': 'Date and time',
  colour: 'Colour',
  lines: 'Text of several lines',
  html: 'HTML',
} as const;

/** The shapes that a value there may have: of several those that what is there of it does not rule out. */
function options(shape: Shape, soFar: () => JsonValue | undefined): readonly Shape[] {
  if (shape.kind !== 'union') return [shape];
  const value = soFar();
  const possible = shape.options.filter((option) => isPossible(option, value));
  return (possible.length > 0 ? possible : shape.options).flatMap((option) => options(option, soFar));
}

function isPossible(option: Shape, value: JsonValue | undefined): boolean {
  if (value === undefined || option.kind === 'union') return true;
  if (resolveShape(option, value)?.kind === 'json') return false;
  if (option.kind !== 'object' || !isObject(value)) return true;
  return [...tagsOf(option)].every(([name, tag]) => !Object.hasOwn(value, name) || jsonEqual(value[name], tag));
}

function inside(shape: Shape, key: string | number): readonly Shape[] {
  const inner =
    shape.kind === 'list' && typeof key === 'number'
      ? shape.item
      : shape.kind === 'object' && typeof key === 'string'
        ? (shape.members.get(key)?.shape ?? shape.rest)
        : undefined;
  return inner ? [inner] : [];
}

function valueAt(value: JsonValue | undefined, path: JsonPlace['path']): JsonValue | undefined {
  let at = value;
  for (const key of path) {
    if (Array.isArray(at) && typeof key === 'number') at = at[key];
    else if (isObject(at) && typeof key === 'string' && Object.hasOwn(at, key)) at = at[key];
    else return undefined;
  }
  return at;
}

function namesOf(shape: Shape, taken: readonly string[]): readonly JsonHint[] {
  if (shape.kind !== 'object') return [];
  return [...shape.members]
    .filter(([name]) => !taken.includes(name))
    .map(([name, { shape: member, isRequired }]) => ({
      text: JSON.stringify(name),
      whole: `${JSON.stringify(name)}: ${JSON.stringify(initialValue(member))}`,
      detail: `${sayShape(member)}${isRequired ? ', required' : ''}`,
      info: wordsOf(member),
    }));
}

function valuesOf(shape: Shape): readonly JsonHint[] {
  const values =
    shape.kind === 'choice'
      ? shape.options
      : shape.kind === 'switch'
        ? [true, false]
        : shape.kind === 'text'
          ? shape.suggestions
          : [];
  return values.map((value) => {
    const text = JSON.stringify(value);
    return { text, whole: text, detail: '', info: wordsOf(shape) };
  });
}

/** What a schema calls it, and says it is for. */
export function wordsOf({ title, description }: Shape): string | undefined {
  const words = [title, description].filter((part) => part !== undefined).join(': ');
  return words === '' ? undefined : words;
}
