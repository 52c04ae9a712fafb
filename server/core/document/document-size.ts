import { type DocumentTree, isObjectPart, jsonText, memberOf, type Part, sizeOf } from './document-tree.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { jsonBytes, utf8Bytes } from './plain-json.ts';

/**
 * The bytes by which a document grew, as compact JSON, from one version to the next: exact, negative where it shrank,
 * and computed from what the change names alone.
 *
 * @param change a merge patch that leads from `before` to `after`
 */
export function growthOf(before: DocumentTree, after: DocumentTree, change: JsonObject): number {
  if (before === after) return 0;
  let bytes = 0;
  let added = 0;
  for (const key of Object.keys(change)) {
    const [old, now] = [memberOf(before, key), memberOf(after, key)];
    if (old === now) continue;
    added += Number(now !== undefined) - Number(old !== undefined);
    const named = change[key];
    if (isObjectPart(old) && isObjectPart(now) && isJsonObject(named)) bytes += growthOf(old, now, named);
    else if (old !== undefined && now !== undefined) bytes += utf8Bytes(jsonText(now)) - utf8Bytes(jsonText(old));
    else bytes += memberBytes(key, now) - memberBytes(key, old);
  }
  return added === 0 ? bytes : bytes + separators(after) - separators(before);
}

/** The bytes of `"key":value`, or 0 where there is no such member. */
function memberBytes(key: string, value: Part | undefined): number {
  return value === undefined ? 0 : jsonBytes(key) + 1 + utf8Bytes(jsonText(value));
}

/** The number of commas between the members. */
function separators(tree: DocumentTree): number {
  return Math.max(0, sizeOf(tree) - 1);
}
