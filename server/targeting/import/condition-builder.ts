import type { Condition } from '../../core/document/targeting-fields.ts';

/** A condition that nobody meets. */
export const NOBODY: Condition = { $not: {} };

/** The condition that both of these hold; none is that of everybody. */
export function allOf(conditions: readonly (Condition | undefined)[]): Condition | undefined {
  const present = conditions.filter((condition) => condition !== undefined && Object.keys(condition).length > 0);
  const [first, ...others] = present;
  if (first === undefined) return undefined;
  return others.length === 0 ? first : { $and: present.map((condition) => condition ?? {}) };
}

/** The condition that one of these holds; of none that is nobody. */
export function anyOf(conditions: readonly (Condition | undefined)[]): Condition | undefined {
  const [first, ...others] = conditions;
  if (conditions.length === 0) return NOBODY;
  if (conditions.includes(undefined)) return undefined;
  return others.length === 0 ? first : { $or: conditions.map((condition) => condition ?? {}) };
}

/** The condition that this one does not hold. */
export function not(condition: Condition | undefined): Condition {
  return { $not: condition ?? {} };
}

/** The condition that none of these holds. */
export function noneOf(conditions: readonly (Condition | undefined)[]): Condition | undefined {
  if (conditions.length === 0) return undefined;
  return conditions.includes(undefined) ? NOBODY : { $nor: conditions.map((condition) => condition ?? {}) };
}
