/** JSON as the open parts of a document hold it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two values say the same; the order of members says nothing. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

/**
 * The value to put into a merge patch so that `before` becomes `after`, and nothing that both have in common is
 * touched: whoever edits another part of the same section meanwhile is not overwritten. `undefined` where they say the
 * same.
 */
export function patchBetween(before: Json | undefined, after: Json): Json | undefined {
  if (!isObject(before) || !isObject(after)) return isSame(before, after) ? undefined : after;
  const patch: Record<string, Json> = {};
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null;
  for (const key of Object.keys(after)) {
    const change = patchBetween(Object.hasOwn(before, key) ? before[key] : undefined, after[key] ?? null);
    if (change !== undefined) patch[key] = change;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/**
 * The places, as dotted paths, to which two patches give different values: what one of two editors is about to
 * overwrite.
 */
export function sharedPlaces(mine: Json | undefined, theirs: Json | undefined, at = ''): string[] {
  if (mine === undefined || theirs === undefined || isSame(mine, theirs)) return [];
  if (!isObject(mine) || !isObject(theirs)) return [at];
  return Object.keys(mine).flatMap((key) =>
    Object.hasOwn(theirs, key) ? sharedPlaces(mine[key], theirs[key], at === '' ? key : `${at}.${key}`) : [],
  );
}
