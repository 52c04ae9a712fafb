import { cleanJson, jsonBytes } from '../document/plain-json.ts';
import { TARGETING_LIMITS } from '../document/targeting-fields.ts';
import type { Path, Refusal } from '../errors.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { quotePath } from '../quote.ts';

/** The attributes of somebody of whom nothing is known. */
export const NO_ATTRIBUTES: JsonObject = {};

/**
 * Refusal of attributes that a viewer cannot have: conditions are evaluated on them for everybody who watches, so that
 * their size, and with it the work of an evaluation, is bounded. `undefined` where they can stand.
 *
 * @param attributes anything
 * @param at where they stand in the input
 */
export function refuseAttributes(attributes: unknown, at: Path): Refusal | undefined {
  const cleaned = cleanJson(attributes, at);
  if (!cleaned.ok) return cleaned.refusal;
  const { attributeBytes, attributeItems } = TARGETING_LIMITS;
  const bytes = jsonBytes(cleaned.value);
  if (bytes > attributeBytes)
    return tooLarge(at, `have ${bytes} bytes; at most ${attributeBytes} are allowed`, attributeBytes);
  const items = { count: 0 };
  const refusal = refuseValue(cleaned.value, at, 1, items);
  if (refusal || items.count <= attributeItems) return refusal;
  return tooLarge(
    at,
    `have lists of ${items.count} items in all; at most ${attributeItems} are allowed`,
    attributeItems,
  );
}

function refuseValue(value: JsonValue, at: Path, depth: number, items: { count: number }): Refusal | undefined {
  const { attributeLength, attributeDepth } = TARGETING_LIMITS;
  if (typeof value === 'string')
    return value.length > attributeLength
      ? tooLarge(at, `must have at most ${attributeLength} characters`, attributeLength)
      : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > attributeDepth) return tooLarge(at, `nested more than ${attributeDepth} levels deep`, attributeDepth);
  if (Array.isArray(value)) items.count += value.length;
  for (const [key, member] of Object.entries(value)) {
    const refusal = refuseValue(member, [...at, key], depth + 1, items);
    if (refusal) return refusal;
  }
  return undefined;
}

function tooLarge(at: Path, what: string, limit: number): Refusal {
  const path = quotePath(at);
  return { reason: 'TOO_LARGE', message: `${path.join('.')}: ${what}`, path, limit };
}

/** What a viewer is judged by: what its token says of it takes precedence over what it says of itself. */
export function attributesOf(said: JsonObject | undefined, claimed: JsonObject | undefined): JsonObject {
  if (!claimed) return said ?? NO_ATTRIBUTES;
  return said ? { ...said, ...claimed } : claimed;
}
