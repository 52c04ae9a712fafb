/** Plain JSON, as it travels and as it is kept. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;

/**
 * A JSON object. In a document no member is `null`; in a patch `null` removes the member. A type alias, for tRPC takes
 * an alias for the JSON that it is, where it would take an interface apart member by member without end.
 */
export type JsonObject = { [key: string]: JsonValue };

/** True for `{…}`, false for arrays, `null` and everything that is not an object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Deep equality of two JSON values; the order of an object's members does not count, the order of arrays does.
 *
 * @example jsonEqual({ a: 1, b: [2] }, { b: [2], a: 1 }) // true
 */
export function jsonEqual(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key], b[key]));
}

/**
 * JSON with the members of every object sorted by name, so that two values that are `jsonEqual` give the same text.
 * Members that are `undefined` are left out.
 *
 * @example canonicalJson({ b: 1, a: [2] }) // '{"a":[2],"b":1}'
 */
export function canonicalJson(value: JsonValue | undefined): string {
  // Every command is written this way, and most have their members in order: one call of the serialiser is enough.
  return isSorted(value) ? (JSON.stringify(value) ?? 'null') : sortedJson(value);
}

/** Whether the members of every object are in the order of their names. */
function isSorted(value: JsonValue | undefined): boolean {
  if (Array.isArray(value)) return value.every(isSorted);
  if (!isJsonObject(value)) return true;
  let before = '';
  for (const key of Object.keys(value)) {
    if (key < before || !isSorted(value[key])) return false;
    before = key;
  }
  return true;
}

function sortedJson(value: JsonValue | undefined): string {
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${sortedJson(item)}`;
    return `[${text}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null';
  for (const key of Object.keys(value).sort()) {
    if (value[key] !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${sortedJson(value[key])}`;
  }
  return `{${text}}`;
}
