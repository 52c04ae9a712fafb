import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../json.ts';

/**
 * JSON Merge Patch (RFC 7396) of an object, with structural sharing. Nothing is changed in place, and what the patch
 * leaves as it was is shared with the target: where nothing changes at all, the target itself is returned, so that
 * `===` tells whether something did.
 *
 * @example mergePatch({ a: 1, b: 2 }, { b: null, c: 3 }) // { a: 1, c: 3 }
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  let merged: JsonObject | undefined;
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    const present = Object.hasOwn(target, key);
    const before = present ? target[key] : undefined;
    if (change === undefined) continue;
    if (change === null) {
      if (present) delete (merged ??= { ...target })[key];
      continue;
    }
    const after = mergeValue(before, change);
    if (after !== before) (merged ??= { ...target })[key] = after;
  }
  return merged ?? target;
}

/** The RFC's MergePatch of one member. For a value equal to the old one the old one is returned, and counts as unchanged. */
function mergeValue(before: JsonValue | undefined, change: JsonValue): JsonValue {
  if (isJsonObject(change)) return mergePatch(isJsonObject(before) ? before : {}, change);
  return before !== undefined && jsonEqual(before, change) ? before : change;
}

/**
 * The minimal merge patch from one document to the other: `mergePatch(from, diff(from, to))` equals `to`,
 * provided that `to` has no `null` members outside arrays (RFC 7396 cannot express them). Where both share parts by
 * reference, those cost nothing; after a `mergePatch` the work is that of the patch alone.
 *
 * @returns `{}` where the two are equal
 * @example diff({ a: 1, b: { c: 2 } }, { b: { c: 3 } }) // { a: null, b: { c: 3 } }
 */
export function diff(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  if (from === to) return patch;
  for (const key of Object.keys(from)) {
    if (!Object.hasOwn(to, key)) patch[key] = null;
  }
  for (const key of Object.keys(to)) {
    const after = to[key];
    const before = Object.hasOwn(from, key) ? from[key] : undefined;
    if (after === before || after === undefined) continue;
    if (isJsonObject(after) && isJsonObject(before)) {
      const inner = diff(before, after);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!jsonEqual(before, after)) {
      patch[key] = after;
    }
  }
  return patch;
}

/** Whether a patch changes nothing, whatever it is applied to. */
export function isEmptyPatch(patch: JsonObject): boolean {
  return Object.keys(patch).length === 0;
}
