import type { JsonObject, JsonValue } from '@campaign-state/client';
import { isObject, patchBetween } from '../../../sections/json.ts';

/** A place in the document: names of members, and the numbers of items. */
export type Place = readonly string[];

/**
 * The smallest merge patch that puts a value in a place of a document: nothing beside the place is in it, so that
 * whoever edits what is beside it meanwhile is not overwritten. A list has no smaller patch than itself.
 *
 * @param next `undefined` removes what stands there
 */
export function patchAt(document: JsonObject, place: Place, next: JsonValue | undefined): JsonObject {
  // On the way to what is not there nothing is made in order to remove it.
  if (next === undefined && valueAt(document, place) === undefined) return {};
  const patch = memberPatch(document, place, next);
  return isObject(patch) ? patch : {};
}

/** The part of the patch that is about `value`; `undefined` where nothing changes. */
function memberPatch(value: JsonValue | undefined, place: Place, next: JsonValue | undefined): JsonValue | undefined {
  const [key, ...rest] = place;
  if (key === undefined)
    return next === undefined ? (value === undefined ? undefined : null) : patchBetween(value, next);
  if (Array.isArray(value)) return patchBetween(value, replaced(value, place, next) ?? null);
  const inner = isObject(value) ? memberOf(value, key) : undefined;
  const patch = memberPatch(inner, rest, next);
  return patch === undefined ? undefined : { [key]: patch };
}

/** The value with another one at that place in it: within lists everything is written anew. */
function replaced(value: JsonValue | undefined, place: Place, next: JsonValue | undefined): JsonValue | undefined {
  const [key, ...rest] = place;
  if (key === undefined) return next;
  if (Array.isArray(value)) {
    const index = Number(key);
    const item = replaced(value[index], rest, next);
    if (item === undefined) return value.toSpliced(index, 1);
    return index < value.length ? value.with(index, item) : [...value, item];
  }
  const before = isObject(value) ? value : {};
  const member = replaced(memberOf(before, key), rest, next);
  if (member !== undefined) return { ...before, [key]: member };
  const { [key]: _removed, ...others } = before;
  return others;
}

/** What stands in a place; `undefined` where nothing does. */
export function valueAt(value: JsonValue | undefined, place: Place): JsonValue | undefined {
  const [key, ...rest] = place;
  if (key === undefined) return value;
  if (Array.isArray(value)) return valueAt(value[Number(key)], rest);
  return isObject(value) ? valueAt(memberOf(value, key), rest) : undefined;
}

/** Not what every object has by itself, such as `constructor`. */
function memberOf(value: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
