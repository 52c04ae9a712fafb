import type { JsonObject, JsonValue } from '../json.ts';

/**
 * A document, or an object in it, in one of two forms: plain, or large where it has many members or contains an object
 * that has. Nothing inside a plain object is large.
 */
export type DocumentTree = JsonObject | LargeObject;

/** A member of a document that may have been changed: plain JSON, or a large object with its own versions. */
export type Part = JsonValue | LargeObject;

/** Changes of members in their order, each key once; `undefined` removes a member. */
export type MemberChanges = readonly (readonly [key: string, value: Part | undefined])[];

/**
 * An immutable JSON object of many members, whose versions share all that they have in common. The one implementation
 * is `PersistentObject`; whoever reads or changes documents knows this class alone, so that the SDK can load the other
 * when it meets a large document, which few pages do.
 */
export abstract class LargeObject {
  abstract readonly size: number;
  abstract get(key: string): Part | undefined;
  /** The version with that member: an existing one keeps its place, a new one comes last. */
  abstract with(key: string, value: Part): LargeObject;
  /** The version without that member. */
  abstract without(key: string): LargeObject;
  /** The version after all of these changes. */
  abstract withAll(changes: MemberChanges): LargeObject;
  /**
   * The keys whose members differ between this version and another: `removed` in the order of this version, `present`
   * (added or changed) in the order of the other one.
   */
  abstract difference(to: JsonObject | LargeObject): DifferentKeys;
  /** The plain form, made once. */
  abstract toPlain(): JsonObject;
  /** The text of the plain form as compact JSON, without making that form. */
  abstract toText(): string;
}

/** The keys of members that differ between two objects. */
export interface DifferentKeys {
  readonly removed: readonly string[];
  readonly present: readonly string[];
}

/** Makes large objects of plain ones. */
export interface LargeObjects {
  /** The large form of a plain object: made once. */
  of(object: JsonObject): LargeObject;
  /** The large form of that plain object, if it was made before. */
  known(object: JsonObject): LargeObject | undefined;
}

/**
 * The share of an object's members from which on it is built anew rather than changed member by member: each of those
 * changes copies a path through the tree.
 */
const MANY_CHANGES_SHARE = 1 / 8;

/** The number of members up to which an object is copied when it changes: that takes as long as a persistent change. */
const SMALL_OBJECT_MEMBERS = 32;

/** The number of members from which on it is worth while to load the implementation: to copy fewer takes no time. */
const WORTH_LOADING_MEMBERS = 256;

let forms: LargeObjects | undefined;
let load = (): void => {};

/**
 * Provides the implementation, for the life of the process: a server does so when it is made. Without one, a large
 * object is copied when it changes. That comes to the same, and takes longer.
 */
export function provideLargeObjects(given: LargeObjects | undefined): void {
  forms = given;
}

/** Sets what is called whenever an object of many members is copied for want of an implementation. */
export function loadLargeObjectsBy(given: () => void): void {
  load = given;
}

/** The large form of a plain object; `undefined` without an implementation. */
export function largeFormOf(object: JsonObject): LargeObject | undefined {
  if (!forms && Object.keys(object).length >= WORTH_LOADING_MEMBERS) load();
  return forms?.of(object);
}

/** The large form of that plain object, if it was made before. */
export function knownLargeForm(object: JsonObject): LargeObject | undefined {
  return forms?.known(object);
}

/** The plain form of a part, made in time that follows its size, unless it is plain or was made before. */
export function plainOf(tree: DocumentTree): JsonObject;
export function plainOf(part: Part): JsonValue;
export function plainOf(part: Part): JsonValue {
  return part instanceof LargeObject ? part.toPlain() : part;
}

/** The part as compact JSON. */
export function jsonText(part: Part): string {
  return part instanceof LargeObject ? part.toText() : JSON.stringify(part);
}

/** Whether a part is an object, in either form. */
export function isObjectPart(part: Part | undefined): part is DocumentTree {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}

/** The member of that name; `undefined` where there is none. */
export function memberOf(tree: DocumentTree, key: string): Part | undefined {
  if (tree instanceof LargeObject) return tree.get(key);
  return Object.hasOwn(tree, key) ? tree[key] : undefined;
}

/** The number of members. */
export function sizeOf(tree: DocumentTree): number {
  const large = tree instanceof LargeObject ? tree : knownLargeForm(tree);
  return large ? large.size : Object.keys(tree).length;
}

/**
 * The object with another value in that place, or without it where the value is `undefined`.
 *
 * @param isOwned whether a plain `tree` is a copy that nobody else has seen, and may be changed in place
 */
export function withMember(tree: DocumentTree, key: string, value: Part | undefined, isOwned: boolean): DocumentTree {
  if (tree instanceof LargeObject) return value === undefined ? tree.without(key) : tree.with(key, value);
  const isLarge = value instanceof LargeObject || (!isOwned && sizeOf(tree) > SMALL_OBJECT_MEMBERS);
  const large = isLarge ? largeFormOf(tree) : undefined;
  if (large) return withMember(large, key, value, false);
  const copy = isOwned ? tree : { ...tree };
  if (value === undefined) delete copy[key];
  // No large value comes here: what makes those makes the large form of the object, too.
  else copy[key] = plainOf(value);
  return copy;
}

/** The object after these changes. */
export function withMembers(tree: DocumentTree, changes: MemberChanges): DocumentTree {
  const size = sizeOf(tree);
  if (size > SMALL_OBJECT_MEMBERS && changes.length > size * MANY_CHANGES_SHARE) {
    const large = tree instanceof LargeObject ? tree : largeFormOf(tree);
    if (large) return large.withAll(changes);
  }
  let changed = tree;
  for (const [key, value] of changes) changed = withMember(changed, key, value, changed !== tree);
  return changed;
}
