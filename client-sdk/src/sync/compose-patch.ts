import { isJsonObject, type JsonObject } from '../../../server/core/json.ts';

/**
 * The composition of two merge patches: one patch that does to any state what the two do, one after the other.
 *
 * @returns `undefined` where RFC 7396 has no such patch: when the second one fills what the first one removed or
 *   replaced, for a patch cannot say "instead of what was there"
 */
export function composePatches(first: JsonObject, second: JsonObject): JsonObject | undefined {
  const composed = { ...first };
  for (const key of Object.keys(second)) {
    const [before, after] = [Object.hasOwn(first, key) ? first[key] : undefined, second[key]];
    if (after === undefined) continue;
    if (!isJsonObject(after) || before === undefined) {
      composed[key] = after;
      continue;
    }
    const inner = isJsonObject(before) ? composePatches(before, after) : undefined;
    if (!inner) return undefined;
    composed[key] = inner;
  }
  return composed;
}
