import {
  type DifferentKeys,
  type DocumentTree,
  isObjectPart,
  largeFormOf,
  LargeObject,
  memberOf,
  type Part,
  plainOf,
  withMembers,
} from './document-tree.ts';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../json.ts';

/**
 * JSON Merge Patch (RFC 7396) of a plain object: {@link patchTree}, and the plain form of what it leads to.
 *
 * @example mergePatch({ a: 1, b: 2 }, { b: null, c: 3 }) // { a: 1, c: 3 }
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  return plainOf(patchTree(target, patch));
}

/** Several merge patches of a plain object, one after the other: the plain form is made once, at the end. */
export function mergePatches(target: JsonObject, patches: readonly JsonObject[]): JsonObject {
  return plainOf(patches.reduce<DocumentTree>(patchTree, target));
}

/**
 * JSON Merge Patch (RFC 7396) with structural sharing, in time that follows the patch. Nothing is changed in place, and
 * what the patch leaves as it was is shared with the target: where nothing changes at all, the target itself is
 * returned, so that `===` tells whether something did.
 */
export function patchTree(target: DocumentTree, patch: JsonObject): DocumentTree {
  const changes: [string, Part | undefined][] = [];
  for (const key of Object.keys(patch)) {
    const change = patch[key];
    const before = memberOf(target, key);
    if (change === undefined || (change === null && before === undefined)) continue;
    const after = change === null ? undefined : patchMember(before, change);
    if (after !== before) changes.push([key, after]);
  }
  return changes.length === 0 ? target : withMembers(target, changes);
}

/** The RFC's MergePatch of a member. A value equal to the old one leaves the old one, which counts as unchanged. */
function patchMember(before: Part | undefined, change: JsonValue): Part {
  if (isJsonObject(change)) return patchTree(isObjectPart(before) ? before : {}, change);
  return before !== undefined && isEqual(before, change) ? before : change;
}

/**
 * The minimal merge patch from one document to the other: `mergePatch(from, diff(from, to))` equals `to`, provided that
 * `to` has no `null` members outside arrays (RFC 7396 cannot express them). What both share by reference is not looked
 * at: between two versions of a document the time follows the changes that lie between them.
 *
 * @returns `{}` where the two are equal
 * @example diff({ a: 1, b: { c: 2 } }, { b: { c: 3 } }) // { a: null, b: { c: 3 } }
 */
export function diff(from: DocumentTree, to: DocumentTree): JsonObject {
  const patch: JsonObject = {};
  if (from === to) return patch;
  const { removed, present } = differentKeys(from, to);
  for (const key of removed) patch[key] = null;
  for (const key of present) {
    const [before, after] = [memberOf(from, key), memberOf(to, key)];
    if (after === before || after === undefined) continue;
    if (isObjectPart(after) && isObjectPart(before)) {
      const inner = diff(before, after);
      if (!isEmptyPatch(inner)) patch[key] = inner;
    } else if (before === undefined || !isEqual(before, after)) {
      patch[key] = plainOf(after);
    }
  }
  return patch;
}

/**
 * The keys whose members may differ: those that are gone, in the order of `from`, and the others, in the order of `to`.
 */
export function differentKeys(from: DocumentTree, to: DocumentTree): DifferentKeys {
  const large = from instanceof LargeObject ? from : to instanceof LargeObject ? largeFormOf(from) : undefined;
  if (large) return large.difference(to);
  return { removed: Object.keys(from).filter((key) => !Object.hasOwn(to, key)), present: Object.keys(to) };
}

/** Equality of parts that are not both objects: a large one equals no scalar and no array. */
function isEqual(a: Part, b: Part): boolean {
  return !(a instanceof LargeObject) && !(b instanceof LargeObject) && jsonEqual(a, b);
}

/** Whether a patch changes nothing, whatever it is applied to. */
export function isEmptyPatch(patch: JsonObject): boolean {
  return Object.keys(patch).length === 0;
}
