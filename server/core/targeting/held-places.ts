import { BUCKETS, type NumberLine } from '../document/targeting-fields.ts';
import type { JsonObject } from '../json.ts';
import type { TargetingEngine } from './evaluator.ts';
import type { KeyedRule, Targeting } from './targeting.ts';

/**
 * Places that people keep over a login. On a number line with a `fallbackUnit` an unknown visitor has the place of its
 * device. Who logs in there keeps that place: where it leads to another arm than the place of the person itself, the
 * place of the device is stored for the person, who has it from then on, on every other device too.
 *
 * A place is held, and not an arm: who holds one moves with weights and coverage like the device that it comes from,
 * never has arms of two rules of a group, and costs no rule for arms that are gone.
 */
export interface HeldPlace {
  /** From 0 on, and below `BUCKETS`. */
  readonly bucket: number;
  /** The version of the campaign at which it was first shown. */
  readonly since: number;
}

/** The places that are held for one viewer, by line. */
export type HeldPlaces = ReadonlyMap<string, HeldPlace>;

/** A place that a viewer has by its fallback unit, and that is to be held for its unit. */
export interface UnheldPlace {
  readonly line: string;
  readonly unit: UnitValue;
  readonly bucket: number;
}

/** A value of an attribute that is hashed, and the name of the attribute. */
export interface UnitValue {
  readonly name: string;
  readonly value: string;
}

/** The place of a viewer on a number line. */
export interface Place {
  /** What it comes from: the unit itself where it is held, and not that of the fallback unit at hand. */
  readonly unit: UnitValue;
  readonly bucket: number;
  readonly isHeld: boolean;
  /** The place of the unit itself, where the viewer has one by its fallback unit and none is held. */
  readonly ofUnit?: UnheldPlace & { readonly own: number };
}

/** Nothing is held. */
export const NO_PLACES: HeldPlaces = new Map();

/** Places that may be held for the units of one campaign. */
export const MAX_HELD_PLACES = 1_000_000;

/**
 * The name under which places of a line are held. It has all that makes a place what it is, so that a rule that starts
 * anew, or with another seed, begins without them, and one that is brought back has them again.
 */
export function lineKey(kind: 'rule' | 'group' | 'holdout', name: string, line: NumberLine, phase = 0): string {
  return JSON.stringify([kind, name, phase, line.hashVersion, line.unit, line.seed]);
}

/** The line of a rule, which may be that of its group; `undefined` where there is no such group. */
export function lineOf(
  rule: KeyedRule,
  { groups }: Pick<Targeting, 'groups'>,
): { readonly line: NumberLine; readonly key: string } | undefined {
  if (rule.group === undefined) return { line: rule, key: lineKey('rule', rule.key, rule, rule.phase) };
  const line = groups.get(rule.group);
  return line && { line, key: lineKey('group', rule.group, line) };
}

/** All lines of a targeting with a fallback unit, by their names. */
export function holdingLines({ rules, groups, holdouts }: Targeting): ReadonlyMap<string, NumberLine> {
  const all: (readonly [string, NumberLine])[] = [
    ...rules
      .filter(({ group }) => group === undefined)
      .map((rule) => [lineKey('rule', rule.key, rule, rule.phase), rule] as const),
    ...[...groups].map(([name, line]) => [lineKey('group', name, line), line] as const),
    ...[...holdouts].map(([name, line]) => [lineKey('holdout', name, line), line] as const),
  ];
  return new Map(all.filter(([, { fallbackUnit }]) => fallbackUnit !== undefined));
}

/**
 * The value of an attribute as the text that is hashed. The empty text, and what is neither text nor number, is no
 * unit.
 */
export function unitValue(attributes: JsonObject, name: string): UnitValue | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  const isUnit = typeof value === 'number' || (typeof value === 'string' && value !== '');
  return isUnit ? { name, value: String(value) } : undefined;
}

/** A unit of a viewer, and the lines on which a place may be held for it. */
export interface HoldingUnit extends UnitValue {
  readonly lines: readonly string[];
}

/** The units of a viewer for which places may be held on these lines, each once. */
export function holdingUnits(
  lines: Iterable<readonly [key: string, line: Pick<NumberLine, 'unit'>]>,
  attributes: JsonObject,
): readonly HoldingUnit[] {
  const keys = new Map<string, string[]>();
  for (const [key, { unit }] of lines) {
    const known = keys.get(unit);
    if (known) known.push(key);
    else keys.set(unit, [key]);
  }
  return [...keys].flatMap(([name, of]) => {
    const unit = unitValue(attributes, name);
    return unit ? [{ ...unit, lines: of }] : [];
  });
}

/** The attribute that is hashed on a line, by the line's name; `undefined` for what is the name of none. */
export function unitOfLine(key: string): string | undefined {
  try {
    const parts: unknown = JSON.parse(key);
    const unit: unknown = Array.isArray(parts) ? parts[4] : undefined;
    return typeof unit === 'string' ? unit : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Those of these places whose unit is one that the viewer's token claims. What a viewer only says of itself may be
 * anybody's: for it nothing is held, else whoever names a stranger would choose that one's arm, and whoever makes up
 * names would use up the places of the campaign.
 */
export function ofClaimedUnits(places: readonly UnheldPlace[], claims: JsonObject | undefined): readonly UnheldPlace[] {
  return claims ? places.filter(({ unit: { name, value } }) => unitValue(claims, name)?.value === value) : [];
}

/**
 * The place of a viewer on a line: the one that is held for its unit, else that of its fallback unit, else that of its
 * unit; `undefined` where it has neither.
 */
export function placeOn(
  line: NumberLine,
  key: string,
  attributes: JsonObject,
  held: HeldPlaces,
  { bucketOf }: Pick<TargetingEngine, 'bucketOf'>,
): Place | undefined {
  const { seed, hashVersion, fallbackUnit } = line;
  const unit = unitValue(attributes, line.unit);
  const fallback = fallbackUnit === undefined ? undefined : unitValue(attributes, fallbackUnit);
  const bucketFor = ({ value }: UnitValue): number => bucketOf(seed, value, hashVersion);
  const kept = unit && fallbackUnit !== undefined ? held.get(key)?.bucket : undefined;
  // What is stored is data: of a line that has shrunk since it would be no place.
  if (unit && kept !== undefined && kept >= 0 && kept < BUCKETS) {
    const isOfFallback = fallback !== undefined && bucketFor(fallback) === kept;
    return { unit: isOfFallback ? fallback : unit, bucket: kept, isHeld: true };
  }
  if (!fallback) return unit && { unit, bucket: bucketFor(unit), isHeld: false };
  const bucket = bucketFor(fallback);
  const place = { unit: fallback, bucket, isHeld: false };
  return unit ? { ...place, ofUnit: { line: key, unit, bucket, own: bucketFor(unit) } } : place;
}

/** What was held at a version. */
export function heldAt(held: HeldPlaces, version: number): HeldPlaces {
  const isNewer = ({ since }: HeldPlace): boolean => since > version;
  if (![...held.values()].some(isNewer)) return held;
  return new Map([...held].filter(([, place]) => !isNewer(place)));
}
