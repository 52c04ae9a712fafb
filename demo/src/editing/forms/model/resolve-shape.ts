import { jsonEqual, type JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import { faultOf } from './faults.ts';
import { inferredShape } from './inferred-shape.ts';
import { JSON_ONLY, type ObjectShape, type Shape, type UnionShape } from './shape.ts';

/** A shape that has a control of its own: neither open nor one of several. */
export type ControlShape = Exclude<Shape, { kind: 'open' | 'union' }>;

/**
 * The shape by which a value is shown: where anything or several things may stand, that of what does; `json` where the
 * value is none of what may stand there. Without a value `undefined` where it is not yet said what it would be.
 */
export function resolveShape(shape: Shape, value: JsonValue | undefined): ControlShape | undefined {
  if (value === undefined) return shape.kind === 'open' || shape.kind === 'union' ? undefined : shape;
  const chosen = withWords(
    shape,
    shape.kind === 'open' ? inferredShape(value) : shape.kind === 'union' ? optionFor(shape, value) : shape,
  );
  if (chosen.kind === 'open' || chosen.kind === 'union') return resolveShape(chosen, value);
  return fits(chosen, value) ? chosen : withWords(shape, JSON_ONLY);
}

function withWords<T extends Shape>({ title, description }: Shape, shape: T): T {
  return { ...shape, title: shape.title ?? title, description: shape.description ?? description };
}

/** Of several shapes the one that a value was meant to have: by what tells them apart, even where it is not right. */
function optionFor({ options }: UnionShape, value: JsonValue): Shape {
  return (
    options.find((option) => isNamedBy(option, value)) ??
    options.find((option) => faultOf(option, value) === undefined) ??
    options.find((option) => option.kind !== 'open' && option.kind !== 'union' && fits(option, value)) ??
    JSON_ONLY
  );
}

function isNamedBy(option: Shape, value: JsonValue): boolean {
  if (option.kind !== 'object' || !isObject(value)) return false;
  const names = [...tagsOf(option)];
  return names.length > 0 && names.every(([name, tag]) => Object.hasOwn(value, name) && jsonEqual(value[name], tag));
}

/** The members of an object that can have one value only. */
export function tagsOf({ members }: ObjectShape): ReadonlyMap<string, JsonValue> {
  const tags = new Map<string, JsonValue>();
  for (const [name, { shape, isRequired }] of members) {
    const [only, ...others] = shape.kind === 'choice' ? shape.options : [];
    if (isRequired && only !== undefined && others.length === 0) tags.set(name, only);
  }
  return tags;
}

/** Whether a control for this shape can show that value, be it right or not. */
function fits(shape: ControlShape, value: JsonValue): boolean {
  switch (shape.kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'switch':
      return typeof value === 'boolean';
    case 'choice':
      return typeof value !== 'object';
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'json':
      return true;
  }
}
