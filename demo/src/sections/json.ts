import { diff, jsonEqual, type JsonObject, type JsonValue } from '@campaign-state/client';

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The value to put into a merge patch so that `before` becomes `after`, and nothing that both have in common is
 * touched: whoever edits another part of the same section meanwhile is not overwritten. `undefined` where they say the
 * same.
 */
export function patchBetween(before: JsonValue | undefined, after: JsonValue): JsonValue | undefined {
  return diff(before === undefined ? {} : { value: before }, { value: after })['value'];
}

/**
 * The places, as dotted paths, to which two patches give different values: what one of two editors is about to
 * overwrite.
 */
export function sharedPlaces(mine: JsonValue | undefined, theirs: JsonValue | undefined, at = ''): string[] {
  if (mine === undefined || theirs === undefined || jsonEqual(mine, theirs)) return [];
  if (!isObject(mine) || !isObject(theirs)) return [at];
  return Object.keys(mine).flatMap((key) =>
    Object.hasOwn(theirs, key) ? sharedPlaces(mine[key], theirs[key], at === '' ? key : `${at}.${key}`) : [],
  );
}
