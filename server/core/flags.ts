import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import type { Assignments } from './targeting/evaluate.ts';

/** Why a flag has its value, in OpenFeature's words. */
export type FlagReason =
  /** Everybody has it. */
  | 'STATIC'
  /** It is what the campaign is for this viewer, who has arms of some rules. */
  | 'TARGETING_MATCH'
  /** The rule of the flag's name has given the viewer an arm by its bucket. */
  | 'SPLIT'
  /** The rule of the flag's name could not place the viewer, for want of a unit. */
  | 'DEFAULT';

/** A flag of a campaign, as one viewer has it. */
export interface Flag {
  readonly value: JsonValue;
  /** The arm of the rule that has the flag's name. */
  readonly variant?: string;
  readonly reason: FlagReason;
}

/** What a viewer sees of a campaign. */
export interface FlagSet {
  /** The document, with the arms that the viewer has. */
  readonly state: JsonObject;
  readonly assignments?: Assignments | undefined;
}

/**
 * The flag of that key: `true` for a feature that is on, else the value at that place of the document, else the name
 * of the viewer's arm in the rule of that name; `undefined` where there is none of them.
 *
 * @example flagAt({ state: { features: ['beta'], theme: { accent: 'red' } } }, 'theme.accent') // { value: 'red', … }
 */
export function flagAt(campaign: FlagSet, key: string): Flag | undefined {
  const { features } = campaign.state;
  const isFeature = Array.isArray(features) && features.includes(key);
  const value = isFeature ? true : (valueAt(campaign.state, key) ?? armOf(campaign, key));
  return value === undefined ? undefined : { value, ...whyOf(campaign, key) };
}

/** The arm that a viewer has in the rule of a name, and why a flag of that name is as it is. */
export function whyOf({ assignments }: FlagSet, key: string): Omit<Flag, 'value'> {
  const own = assignments && Object.hasOwn(assignments, key) ? assignments[key] : undefined;
  if (own?.reason === 'NO_UNIT') return { reason: 'DEFAULT' };
  if (own) return { reason: own.reason, ...(own.arm !== undefined && { variant: own.arm }) };
  const hasArms = Object.values(assignments ?? {}).some(({ arm }) => arm !== undefined);
  return { reason: hasArms ? 'TARGETING_MATCH' : 'STATIC' };
}

function armOf({ assignments }: FlagSet, rule: string): string | undefined {
  return assignments && Object.hasOwn(assignments, rule) ? assignments[rule]?.arm : undefined;
}

/**
 * The value at a path. A member may have dots in its name: the longest name that there is wins, so that `a.b.c` is
 * `['a.b.c']` before `['a.b']['c']` before `['a']['b.c']`.
 */
export function valueAt(document: JsonObject, path: string): JsonValue | undefined {
  if (Object.hasOwn(document, path)) return document[path];
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    const name = path.slice(0, end);
    const inner = Object.hasOwn(document, name) ? document[name] : undefined;
    const value = isJsonObject(inner) ? valueAt(inner, path.slice(end + 1)) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Levels of the document whose objects are flags as a whole, beside all that they hold. */
const OBJECT_LEVELS = 2;

/**
 * All flags of a campaign, as `flagAt` gives them: features, places of the document, and the rules that have given the
 * viewer an arm. Of objects those of the first two levels are flags as a whole, too; deeper ones would be told again at
 * each level.
 *
 * @param limit of flags
 * @returns `undefined` where there are more
 */
export function flagsOf(campaign: FlagSet, limit: number): Map<string, Flag> | undefined {
  const { state, assignments } = campaign;
  const flags = new Map<string, Flag>();
  const add = (key: string, value: JsonValue): void => {
    if (!flags.has(key)) flags.set(key, { value, ...whyOf(campaign, key) });
  };
  for (const feature of Array.isArray(state['features']) ? state['features'] : [])
    if (typeof feature === 'string') add(feature, true);
  const walk = (part: JsonObject, prefix: string, level: number): void => {
    // A longer name wins over a path through a shorter one.
    const names = Object.keys(part).sort((a, b) => b.length - a.length);
    for (const name of names) {
      const value = part[name];
      if (value === undefined || flags.size > limit) return;
      if (!isJsonObject(value) || level <= OBJECT_LEVELS) add(`${prefix}${name}`, value);
    }
    for (const name of names) {
      const value = part[name];
      if (isJsonObject(value) && flags.size <= limit) walk(value, `${prefix}${name}.`, level + 1);
    }
  };
  walk(state, '', 1);
  for (const [rule, { arm }] of Object.entries(assignments ?? {})) if (arm !== undefined) add(rule, arm);
  return flags.size > limit ? undefined : flags;
}
