import { jsonEqual } from '@campaign-state/client';
import {
  JSON_ONLY,
  type ListShape,
  type Member,
  type NumberShape,
  type ObjectShape,
  type Shape,
  type TextShape,
} from './shape.ts';

/** The shape of what has two shapes at once: the limits of both; what is said of it in words is the later's. */
export function both(first: Shape, later: Shape): Shape {
  const title = later.title ?? first.title;
  const description = later.description ?? first.description;
  return {
    ...shared(first, later),
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
  };
}

function shared(a: Shape, b: Shape): Shape {
  if (a.kind === 'open') return b;
  if (b.kind === 'open') return a;
  if (a.kind === 'union') return ofUnion(a.options.map((option) => both(option, b)));
  if (b.kind === 'union') return ofUnion(b.options.map((option) => both(a, option)));
  if (a.kind === 'choice') return ofChoice(a.options, b);
  if (b.kind === 'choice') return ofChoice(b.options, a);
  if (a.kind === 'text' && b.kind === 'text') return ofText(a, b);
  if (a.kind === 'number' && b.kind === 'number') return ofNumber(a, b);
  if (a.kind === 'switch' && b.kind === 'switch') return b;
  if (a.kind === 'list' && b.kind === 'list') return ofList(a, b);
  if (a.kind === 'object' && b.kind === 'object') return ofObject(a, b);
  return JSON_ONLY;
}

/** What no value could be is no option. */
function ofUnion(options: readonly Shape[]): Shape {
  const possible = options.filter(({ kind }) => kind !== 'json').flatMap((shape) => optionsOf(shape));
  const [only] = possible;
  return possible.length === 1 && only
    ? only
    : possible.length === 0
      ? JSON_ONLY
      : { kind: 'union', options: possible };
}

function optionsOf(shape: Shape): readonly Shape[] {
  return shape.kind === 'union' ? shape.options : [shape];
}

function ofChoice(options: ChoiceOptions, other: Shape): Shape {
  const left = options.filter((option) => {
    if (other.kind === 'choice') return other.options.some((one) => jsonEqual(one, option));
    if (other.kind === 'text') return typeof option === 'string';
    if (other.kind === 'number') return typeof option === 'number';
    return other.kind === 'switch' && typeof option === 'boolean';
  });
  return left.length === 0 ? JSON_ONLY : { kind: 'choice', options: left };
}

type ChoiceOptions = Extract<Shape, { kind: 'choice' }>['options'];

function ofText(a: TextShape, b: TextShape): TextShape {
  return {
    kind: 'text',
    format: b.format ?? a.format,
    schemes:
      a.schemes && b.schemes ? a.schemes.filter((scheme) => b.schemes?.includes(scheme)) : (b.schemes ?? a.schemes),
    isRelative: b.isRelative ?? a.isRelative,
    min: greater(a.min, b.min),
    max: smaller(a.max, b.max),
    patterns: [...a.patterns, ...b.patterns],
    suggestions: b.suggestions.length > 0 ? b.suggestions : a.suggestions,
    excluded: [...a.excluded, ...b.excluded],
  };
}

function ofNumber(a: NumberShape, b: NumberShape): NumberShape {
  return {
    kind: 'number',
    isWhole: a.isWhole || b.isWhole,
    min: greater(a.min, b.min),
    max: smaller(a.max, b.max),
    above: greater(a.above, b.above),
    below: smaller(a.below, b.below),
  };
}

function ofList(a: ListShape, b: ListShape): ListShape {
  return { kind: 'list', item: both(a.item, b.item), min: greater(a.min, b.min), max: smaller(a.max, b.max) };
}

function ofObject(a: ObjectShape, b: ObjectShape): ObjectShape {
  const members = new Map<string, Member>();
  for (const name of new Set([...a.members.keys(), ...b.members.keys()])) {
    const [one, other] = [memberOf(a, name), memberOf(b, name)];
    if (one && other)
      members.set(name, { shape: both(one.shape, other.shape), isRequired: one.isRequired || other.isRequired });
  }
  return { kind: 'object', members, rest: a.rest && b.rest && both(a.rest, b.rest) };
}

function memberOf({ members, rest }: ObjectShape, name: string): Member | undefined {
  return members.get(name) ?? (rest && { shape: rest, isRequired: false });
}

function greater(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
