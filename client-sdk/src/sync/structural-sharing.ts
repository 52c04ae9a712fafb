import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';

/**
 * Structural sharing: `next`, built of the parts of `previous` wherever they are equal, so that `===` tells what has
 * changed and a selector that returns an object does not render for nothing. Parts that both share already cost
 * nothing.
 */
export function shareStructure(previous: JsonObject, next: JsonObject): JsonObject {
  if (previous === next) return next;
  const keys = Object.keys(next);
  let same = keys.length === Object.keys(previous).length;
  let shared: JsonObject | undefined;
  for (const key of keys) {
    const after = next[key];
    const before = Object.hasOwn(previous, key) ? previous[key] : undefined;
    if (after === undefined) continue;
    const kept = shareValue(before, after);
    if (kept !== before) same = false;
    if (kept !== after) (shared ??= { ...next })[key] = kept;
  }
  return same ? previous : (shared ?? next);
}

function shareValue(previous: JsonValue | undefined, next: JsonValue): JsonValue {
  if (previous === next || previous === undefined) return next;
  if (Array.isArray(next) && Array.isArray(previous)) {
    const items = next.map((item, index) => shareValue(previous[index], item));
    return items.length === previous.length && items.every((item, index) => item === previous[index])
      ? previous
      : items;
  }
  return isJsonObject(next) && isJsonObject(previous) ? shareStructure(previous, next) : next;
}
