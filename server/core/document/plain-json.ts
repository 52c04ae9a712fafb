import type { Path, Refusal } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { quotePath } from '../quote.ts';

/** The keys that could lead to prototype pollution. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The treatment of `null` members of objects outside arrays: kept (in a patch they remove) or dropped (in a document).
 */
export type NullMembers = 'keep' | 'drop';

export type Cleaned<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

/**
 * The validation of untrusted input as a JSON object that can be stored: finite numbers, well-formed Unicode without
 * U+0000, no forbidden keys, at most {@link CLIENT_LIMITS.depth} levels. `-0` becomes `0`. Valid input is returned
 * uncopied.
 *
 * @param at where the value stands in the input, for the message and the path of a refusal
 * @param nulls `'drop'` for documents, in which a missing member is the only absence
 * @example cleanJson({ title: 'x', n: 1 / 0 }, ['updates']) // refused: updates.n: numbers must be finite
 */
export function cleanJson(value: unknown, at: Path, nulls: NullMembers = 'keep'): Cleaned<JsonObject> {
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) return refuse(at, 'must be a JSON object');
  return cleanObject(value, at, 1, nulls);
}

/** Whether it is `{…}`, also of another realm (a frame, a test environment), and no array, `Date` or class instance. */
function isPlainObject(value: object): value is Record<string, unknown> {
  if (Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refuse(at: Path, message: string, limit?: number): { ok: false; refusal: Refusal } {
  const path = quotePath(at);
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  return {
    ok: false,
    refusal: {
      reason: limit === undefined ? 'INVALID' : 'TOO_LARGE',
      message: `${where}${message}`,
      path,
      ...(limit !== undefined && { limit }),
    },
  };
}

function faultOf(text: string): string | undefined {
  if (text.includes('\u0000')) return 'U+0000 is not allowed in text';
  return text.isWellFormed() ? undefined : 'text must be well-formed Unicode; it holds half of a surrogate pair';
}

function cleanObject(
  source: Record<string, unknown>,
  path: Path,
  depth: number,
  nulls: NullMembers,
): Cleaned<JsonObject> {
  if (depth > CLIENT_LIMITS.depth)
    return refuse(path, `nested more than ${CLIENT_LIMITS.depth} levels deep`, CLIENT_LIMITS.depth);
  let copy: JsonObject | undefined;
  for (const key of Object.keys(source)) {
    const member = source[key];
    if (FORBIDDEN_KEYS.has(key)) return refuse([...path, key], 'this key is not allowed');
    const fault = faultOf(key);
    if (fault !== undefined) return refuse([...path, key.toWellFormed()], fault);
    if (member === undefined || (member === null && nulls === 'drop')) {
      delete (copy ??= { ...source } as JsonObject)[key];
      continue;
    }
    const cleaned = cleanValue(member, path, key, depth, nulls);
    if (!cleaned.ok) return cleaned;
    if (!Object.is(cleaned.value, member)) (copy ??= { ...source } as JsonObject)[key] = cleaned.value;
  }
  return { ok: true, value: copy ?? (source as JsonObject) };
}

function cleanArray(source: readonly unknown[], path: Path, depth: number): Cleaned<JsonValue> {
  if (depth > CLIENT_LIMITS.depth)
    return refuse(path, `nested more than ${CLIENT_LIMITS.depth} levels deep`, CLIENT_LIMITS.depth);
  let copy: JsonValue[] | undefined;
  for (let index = 0; index < source.length; index += 1) {
    // RFC 7396 replaces arrays whole, so `null` inside of them is a value like any other.
    const cleaned = cleanValue(source[index], path, index, depth, 'keep');
    if (!cleaned.ok) return cleaned;
    if (!Object.is(cleaned.value, source[index])) (copy ??= [...source] as JsonValue[])[index] = cleaned.value;
  }
  return { ok: true, value: copy ?? (source as JsonValue[]) };
}

/** `path` and `key` are separate parameters so that the joined path is built only for refusals and nested values. */
function cleanValue(
  value: unknown,
  path: Path,
  key: string | number,
  depth: number,
  nulls: NullMembers,
): Cleaned<JsonValue> {
  switch (typeof value) {
    case 'string': {
      const fault = faultOf(value);
      return fault === undefined ? { ok: true, value } : refuse([...path, key], fault);
    }
    case 'number':
      if (!Number.isFinite(value)) return refuse([...path, key], 'numbers must be finite');
      return { ok: true, value: value === 0 ? 0 : value };
    case 'boolean':
      return { ok: true, value };
    case 'object':
      if (value === null) return { ok: true, value };
      if (Array.isArray(value)) return cleanArray(value, [...path, key], depth + 1);
      if (!isPlainObject(value)) return refuse([...path, key], 'must be plain JSON');
      return cleanObject(value, [...path, key], depth + 1, nulls);
    case 'bigint':
      return refuse([...path, key], 'integers beyond 2^53 would be rounded; send them as text');
    default:
      return refuse([...path, key], `must be JSON, not ${typeof value}`);
  }
}

/**
 * The size of a value as compact JSON, in bytes of UTF-8.
 *
 * @example jsonBytes({ a: 'é' }) // 10
 */
export function jsonBytes(value: JsonValue): number {
  return utf8Bytes(JSON.stringify(value));
}

/** The size of a text in bytes of UTF-8, counted without encoding it: this runs in browsers and on the server. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // A pair of surrogates is two units and four bytes, so that each half counts two.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
