import type { JsonObject, JsonValue } from '@campaign-state/client';
import { labelOf } from './labels.ts';
import type { Place } from './patch-at.ts';
import { resolveShape, tagsOf, type ControlShape } from './resolve-shape.ts';
import type { ObjectShape, Shape } from './shape.ts';

/** One field of a form. */
export interface FormField {
  readonly place: Place;
  readonly label: string;
  readonly description: string | undefined;
  /** What its control is for; what is not there yet and could be several things has none. */
  readonly shape: ControlShape;
  readonly value: JsonValue | undefined;
  /** Whether it leaves the document when it is emptied: a schema names it, may miss it, and shows it then too. */
  readonly isOptional: boolean;
}

/** The field of what stands in a place, or could stand there; `undefined` where nothing does, and anything could. */
export function fieldOf(
  shape: Shape,
  value: JsonValue | undefined,
  place: Place,
  mayBeMissing = false,
): FormField | undefined {
  const resolved = resolveShape(shape, value);
  const { title = labelOf(place.at(-1) ?? ''), description } = resolved ?? {};
  // Where its control would go with it, what is emptied while somebody types stays.
  const isOptional = mayBeMissing && resolveShape(shape, undefined) !== undefined;
  return resolved && { place, label: title, description, shape: resolved, value, isOptional };
}

/** The fields of an object: of its schema, there or not, then of whatever else it holds. */
export function fieldsOf(shape: ObjectShape, value: JsonObject, place: Place): readonly FormField[] {
  const tags = tagsOf(shape);
  const fields: FormField[] = [];
  for (const name of new Set([...shape.members.keys(), ...Object.keys(value)])) {
    if (tags.has(name)) continue;
    const member = shape.members.get(name);
    const own = Object.hasOwn(value, name) ? value[name] : undefined;
    const field = fieldOf(
      member?.shape ?? shape.rest ?? { kind: 'json' },
      own,
      [...place, name],
      member !== undefined && !member.isRequired && shape.isInferred !== true,
    );
    if (field) fields.push(field);
  }
  return fields;
}

/** Whether an object is a picture: by its address, with what it says to those who do not see it. */
export function isPicture({ members }: ObjectShape): boolean {
  return members.get('src')?.shape.kind === 'text' && members.get('alt')?.shape.kind === 'text';
}

/** Whether an object is a collection, in which everything has a name that somebody gave it. */
export function isCollection({ members, rest }: ObjectShape): boolean {
  return members.size === 0 && rest !== undefined && rest.kind !== 'open';
}
