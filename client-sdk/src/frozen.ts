import type { JsonValue } from '../../server/core/json.ts';

/**
 * Freezes a JSON value with everything in it. What is frozen already is taken to be so to its depth, so that of a new
 * version of a document only the parts that have changed are visited.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

/**
 * A frozen copy of a JSON value. It reads member by member, as `structuredClone` does not: that one throws for the
 * proxies of Vue, MobX, Immer and others.
 */
export function frozenCopy<T extends JsonValue>(value: T): T;
export function frozenCopy(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return Object.freeze(value.map((item) => frozenCopy(item))) as JsonValue[];
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, JsonValue> = {};
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) copy[key] = frozenCopy(member);
  }
  return Object.freeze(copy);
}
