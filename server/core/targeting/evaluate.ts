import { armAt } from './ranges.ts';
import type { PreparedConditions, TargetingEngine, ViewerConditions } from './evaluator.ts';
import type { KeyedRule, Targeting } from './targeting.ts';
import {
  holdingLines,
  lineKey,
  lineOf,
  NO_PLACES,
  placeOn,
  type HeldPlaces,
  type Place,
  type UnheldPlace,
} from './held-places.ts';
import { BUCKETS, type BucketRange, type NumberLine, type RuleStatus } from '../document/targeting-fields.ts';
import type { JsonObject } from '../json.ts';

/** Why a viewer has the arm of a rule, or none. */
export type RuleReason =
  /** Has the only arm of a rule at full coverage, because of its condition alone. */
  | 'TARGETING_MATCH'
  /** Has an arm by its bucket. */
  | 'SPLIT'
  /** Has an arm by a bucket that is held for its unit: it came by another device, or before a login. */
  | 'HELD'
  /** Would have one, but has no value of the attribute that is hashed. */
  | 'NO_UNIT'
  | 'NOT_RUNNING'
  | 'HOLDOUT'
  /** Is in none of the arms of another rule that it requires. */
  | 'NOT_REQUIRED_ARM'
  | 'NO_MATCH'
  /** Its bucket has no arm. */
  | 'NOT_COVERED';

/** What a viewer is told of a rule that concerns it: its arm, or that it has none for want of a unit. */
export interface Assignment {
  /** Absent with `NO_UNIT`. */
  arm?: string;
  /** An arm that is held is a `SPLIT`, too: a login that changes no arm shows nothing else. */
  reason: 'TARGETING_MATCH' | 'SPLIT' | 'NO_UNIT';
  phase: number;
}

/** What a viewer is told, by rule; rules that do not concern it are not in it. */
export type Assignments = Record<string, Assignment>;

/** Account of one rule for one viewer, for editors. */
export interface RuleExplanation {
  rule: string;
  status: RuleStatus;
  phase: number;
  reason: RuleReason;
  arm?: string;
  /** Whether the viewer meets the condition; absent where it was not looked at, or there is none. */
  matches?: boolean;
  /** The holdout that keeps the viewer out. */
  holdout?: string;
  group?: string;
  /** The attribute that was hashed. */
  unit?: string;
  /** The bucket of the viewer on the rule's number line, or its group's. */
  bucket?: number;
  /** Whether that bucket, or the one on the holdout's line, is held for its unit, and not that of a hash. */
  held?: true;
  /** The range that it lies in. */
  range?: BucketRange;
}

/** The targeting of one version of a campaign, ready to be evaluated for many viewers. */
export interface PreparedTargeting {
  readonly targeting: Targeting;
  readonly conditions: PreparedConditions;
  /** The lines on which places may be held. */
  readonly holding: ReadonlyMap<string, NumberLine>;
}

/** Prepares a targeting. */
export function prepareTargeting(targeting: Targeting, engine: TargetingEngine): PreparedTargeting {
  return { targeting, conditions: engine.prepare(targeting), holding: holdingLines(targeting) };
}

/** What the rules say of a viewer. */
export interface Judgement {
  /** In the order of the rules. */
  readonly explanations: readonly RuleExplanation[];
  /** Places of its fallback unit that its unit keeps from now on: without them it would have another arm. */
  readonly unheld: readonly UnheldPlace[];
}

/**
 * Judges each rule for a viewer. Streams, single reads and `campaign.explain` all go through here, so that what was
 * shown can be explained, at any version of the history.
 *
 * A rule is judged in this order: status, holdouts, required arms, condition, unit, bucket. Total: rules that require
 * each other, which `checkTargeting` refuses, reach nobody.
 *
 * @param held the places that are held for the viewer's units
 */
export function judge(
  { targeting, conditions }: PreparedTargeting,
  attributes: JsonObject,
  engine: Pick<TargetingEngine, 'bucketOf'>,
  held: HeldPlaces = NO_PLACES,
): Judgement {
  const unheld = new Map<string, UnheldPlace>();
  const judged = new Map<string, RuleExplanation | undefined>();
  const byKey = new Map(targeting.rules.map((rule) => [rule.key, rule]));
  const viewer = conditions.judge(attributes);
  const onLine: Judging['onLine'] = (line, key, differs) => {
    const place = placeOn(line, key, attributes, held, engine);
    if (place?.ofUnit && differs(place.bucket, place.ofUnit.own)) {
      const { line: of, unit, bucket } = place.ofUnit;
      unheld.set(key, { line: of, unit, bucket });
    }
    return place;
  };
  const holdout = heldOutBy(targeting, onLine);

  const armOf = (key: string): string | undefined => {
    const rule = byKey.get(key);
    // A rule that is being judged requires itself.
    if (!rule || (judged.has(key) && judged.get(key) === undefined)) return undefined;
    return judgeOnce(rule).arm;
  };

  const judgeOnce = (rule: KeyedRule): RuleExplanation => {
    const known = judged.get(rule.key);
    if (known) return known;
    judged.set(rule.key, undefined);
    const { key, status, phase, group } = rule;
    const about = { rule: key, status, phase, ...(group !== undefined && { group }) };
    const explanation: RuleExplanation = {
      ...about,
      ...judgeRule(rule, { targeting, viewer, holdout, armOf, onLine }),
    };
    judged.set(key, explanation);
    return explanation;
  };

  const explanations = targeting.rules.map(judgeOnce);
  return { explanations, unheld: [...unheld.values()] };
}

/** What each rule says of a viewer, in the order of the rules. */
export function explain(...judged: Parameters<typeof judge>): readonly RuleExplanation[] {
  return judge(...judged).explanations;
}

interface Judging {
  readonly targeting: Targeting;
  readonly viewer: ViewerConditions;
  readonly holdout: Pick<RuleExplanation, 'holdout' | 'held'> | undefined;
  armOf(rule: string): string | undefined;
  /**
   * The place of the viewer on a line.
   *
   * @param differs whether two buckets of it come to different outcomes
   */
  onLine(line: NumberLine, key: string, differs: (one: number, other: number) => boolean): Place | undefined;
}

function judgeRule(rule: KeyedRule, judging: Judging): Omit<RuleExplanation, 'rule' | 'status' | 'phase' | 'group'> {
  const { targeting, viewer, holdout } = judging;
  if (rule.status !== 'running') return { reason: 'NOT_RUNNING' };
  if (holdout && rule.ignoresHoldouts !== true) return { reason: 'HOLDOUT', ...holdout };
  if (rule.requires) {
    const arm = judging.armOf(rule.requires.rule);
    if (arm === undefined || !rule.requires.arms.includes(arm)) return { reason: 'NOT_REQUIRED_ARM' };
  }
  const matches = rule.when === undefined ? {} : { matches: viewer.meets(rule.key) };
  if (matches.matches === false) return { reason: 'NO_MATCH', ...matches };
  const only = onlyArm(rule);
  if (only !== undefined) return { reason: 'TARGETING_MATCH', arm: only, ...matches };
  const own = lineOf(rule, targeting);
  const armIn = (bucket: number): string | undefined => armAt(rule.ranges, bucket)?.arm;
  const place = own && judging.onLine(own.line, own.key, (one, other) => armIn(one) !== armIn(other));
  if (!place) return { reason: 'NO_UNIT', ...matches };
  const { bucket, isHeld } = place;
  const found = armAt(rule.ranges, bucket);
  const about = { ...matches, unit: place.unit.name, bucket, ...(isHeld && { held: true as const }) };
  if (!found || !Object.hasOwn(rule.arms, found.arm)) return { reason: 'NOT_COVERED', ...about };
  return { reason: isHeld ? 'HELD' : 'SPLIT', arm: found.arm, range: found.range, ...about };
}

/** The arm of a rule whose condition alone decides: there is no other, and it covers its own whole number line. */
function onlyArm({ arms, ranges, group }: KeyedRule): string | undefined {
  const [arm, ...others] = Object.keys(arms);
  if (arm === undefined || others.length > 0 || group !== undefined) return undefined;
  const [range, ...further] = ranges[arm] ?? [];
  return range && further.length === 0 && range[0] === 0 && range[1] === BUCKETS ? arm : undefined;
}

/** The first holdout, by name, that a viewer is in. */
function heldOutBy(
  { holdouts }: Targeting,
  onLine: Judging['onLine'],
): Pick<RuleExplanation, 'holdout' | 'held'> | undefined {
  for (const [name, holdout] of [...holdouts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const isIn = (bucket: number): boolean => armAt({ held: holdout.ranges }, bucket) !== undefined;
    const place = onLine(holdout, lineKey('holdout', name, holdout), (one, other) => isIn(one) !== isIn(other));
    if (place && isIn(place.bucket)) return { holdout: name, ...(place.isHeld && { held: true }) };
  }
  return undefined;
}

/** What a viewer is told of these: its arms, and where it has none for want of a unit. */
export function assignmentsOf(explanations: readonly RuleExplanation[]): Assignments {
  const assignments: Assignments = {};
  for (const { rule, arm, reason, phase } of explanations) {
    if (reason === 'NO_UNIT') assignments[rule] = { reason, phase };
    else if (arm !== undefined && reason === 'TARGETING_MATCH') assignments[rule] = { arm, reason, phase };
    else if (arm !== undefined) assignments[rule] = { arm, reason: 'SPLIT', phase };
  }
  return assignments;
}

/** The assignments of a viewer. */
export function evaluate(...judged: Parameters<typeof judge>): Assignments {
  return assignmentsOf(explain(...judged));
}
