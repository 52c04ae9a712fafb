import type { JsonObject, JsonValue } from '../json.ts';
import { PersistentObject, type Part } from './persistent-object.ts';

/**
 * A document, or an object in it, in one of two forms: plain, or persistent where it has many members or contains an
 * object that has. Nothing inside a plain object is persistent.
 */
export type DocumentTree = JsonObject | PersistentObject;

/**
 * The share of an object's members from which on it is built anew rather than changed member by member: each of those
 * changes copies a path through the tree.
 */
const MANY_CHANGES_SHARE = 1 / 8;

/** The number of members up to which an object is copied when it changes: that takes as long as a persistent change. */
const SMALL_OBJECT_MEMBERS = 32;

/** The plain form of a part, made in time that follows its size, unless it is plain or was made before. */
export function plainOf(tree: DocumentTree): JsonObject;
export function plainOf(part: Part): JsonValue;
export function plainOf(part: Part): JsonValue {
  return part instanceof PersistentObject ? part.toPlain() : part;
}

/** The part as compact JSON. */
export function jsonText(part: Part): string {
  return part instanceof PersistentObject ? part.toText() : JSON.stringify(part);
}

/** Whether a part is an object, in either form. */
export function isObjectPart(part: Part | undefined): part is DocumentTree {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

/** The member of that name; `undefined` where there is none. */
export function memberOf(tree: DocumentTree, key: string): Part | undefined {
  if (tree instanceof PersistentObject) return tree.get(key);
  return Object.hasOwn(tree, key) ? tree[key] : undefined;
}

/** The number of members. */
export function sizeOf(tree: DocumentTree): number {
  const persistent = tree instanceof PersistentObject ? tree : PersistentObject.known(tree);
  return persistent ? persistent.size : Object.keys(tree).length;
}

/**
 * The object with another value in that place, or without it where the value is `undefined`.
 *
 * @param isOwned whether a plain `tree` is a copy that nobody else has seen, and may be changed in place
 */
export function withMember(tree: DocumentTree, key: string, value: Part | undefined, isOwned: boolean): DocumentTree {
  if (tree instanceof PersistentObject) return value === undefined ? tree.without(key) : tree.with(key, value);
  if (value instanceof PersistentObject || (!isOwned && sizeOf(tree) > SMALL_OBJECT_MEMBERS))
    return withMember(PersistentObject.of(tree), key, value, false);
  const copy = isOwned ? tree : { ...tree };
  if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** The object after these changes, in their order; `undefined` removes a member. */
export function withMembers(tree: DocumentTree, changes: ReadonlyMap<string, Part | undefined>): DocumentTree {
  const size = sizeOf(tree);
  if (size > SMALL_OBJECT_MEMBERS && changes.size > size * MANY_CHANGES_SHARE)
    return (tree instanceof PersistentObject ? tree : PersistentObject.of(tree)).withAll(changes);
  let changed = tree;
  for (const [key, value] of changes) changed = withMember(changed, key, value, changed !== tree);
  return changed;
}
