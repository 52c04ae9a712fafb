import { armAt } from './ranges.ts';
import type { PreparedConditions, TargetingEngine, ViewerConditions } from './evaluator.ts';
import type { KeyedRule, Targeting } from './targeting.ts';
import { BUCKETS, type BucketRange, type NumberLine, type RuleStatus } from '../document/targeting-fields.ts';
import type { JsonObject } from '../json.ts';

/** Why a viewer has the arm of a rule, or none. */
export type RuleReason =
  /** Has the only arm of a rule at full coverage, because of its condition alone. */
  | 'TARGETING_MATCH'
  /** Has an arm by its bucket. */
  | 'SPLIT'
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
  /** The range that it lies in. */
  range?: BucketRange;
}

/** The targeting of one version of a campaign, ready to be evaluated for many viewers. */
export interface PreparedTargeting {
  readonly targeting: Targeting;
  readonly conditions: PreparedConditions;
}

/** Prepares a targeting. */
export function prepareTargeting(targeting: Targeting, engine: TargetingEngine): PreparedTargeting {
  return { targeting, conditions: engine.prepare(targeting) };
}

/**
 * What each rule says of a viewer, in the order of the rules. Streams, single reads and `campaign.explain` all go
 * through here, so that what was shown can be explained, at any version of the history.
 *
 * A rule is judged in this order: status, holdouts, required arms, condition, unit, bucket. Total: rules that require
 * each other, which `checkTargeting` refuses, reach nobody.
 */
export function explain(
  { targeting, conditions }: PreparedTargeting,
  attributes: JsonObject,
  engine: Pick<TargetingEngine, 'bucketOf'>,
): RuleExplanation[] {
  const judged = new Map<string, RuleExplanation | undefined>();
  const byKey = new Map(targeting.rules.map((rule) => [rule.key, rule]));
  const viewer = conditions.judge(attributes);
  const holdout = heldOutBy(targeting, attributes, engine);

  const armOf = (key: string): string | undefined => {
    const rule = byKey.get(key);
    // A rule that is being judged requires itself.
    if (!rule || (judged.has(key) && judged.get(key) === undefined)) return undefined;
    return judge(rule).arm;
  };

  const judge = (rule: KeyedRule): RuleExplanation => {
    const known = judged.get(rule.key);
    if (known) return known;
    judged.set(rule.key, undefined);
    const { key, status, phase, group } = rule;
    const about = { rule: key, status, phase, ...(group !== undefined && { group }) };
    const explanation: RuleExplanation = {
      ...about,
      ...judgeRule(rule, { targeting, attributes, viewer, holdout, armOf, engine }),
    };
    judged.set(key, explanation);
    return explanation;
  };

  return targeting.rules.map(judge);
}

interface Judging {
  readonly targeting: Targeting;
  readonly attributes: JsonObject;
  readonly viewer: ViewerConditions;
  readonly holdout: string | undefined;
  readonly engine: Pick<TargetingEngine, 'bucketOf'>;
  armOf(rule: string): string | undefined;
}

function judgeRule(rule: KeyedRule, judging: Judging): Omit<RuleExplanation, 'rule' | 'status' | 'phase' | 'group'> {
  const { targeting, attributes, viewer, holdout, engine } = judging;
  if (rule.status !== 'running') return { reason: 'NOT_RUNNING' };
  if (holdout !== undefined && rule.ignoresHoldouts !== true) return { reason: 'HOLDOUT', holdout };
  if (rule.requires) {
    const arm = judging.armOf(rule.requires.rule);
    if (arm === undefined || !rule.requires.arms.includes(arm)) return { reason: 'NOT_REQUIRED_ARM' };
  }
  const matches = rule.when === undefined ? {} : { matches: viewer.meets(rule.key) };
  if (matches.matches === false) return { reason: 'NO_MATCH', ...matches };
  const only = onlyArm(rule);
  if (only !== undefined) return { reason: 'TARGETING_MATCH', arm: only, ...matches };
  const line = rule.group === undefined ? rule : targeting.groups.get(rule.group);
  const unit = line && unitOf(line, attributes);
  if (!line || !unit) return { reason: 'NO_UNIT', ...matches };
  const bucket = engine.bucketOf(line.seed, unit.value, line.hashVersion);
  const found = armAt(rule.ranges, bucket);
  const about = { ...matches, unit: unit.name, bucket };
  if (!found || !Object.hasOwn(rule.arms, found.arm)) return { reason: 'NOT_COVERED', ...about };
  return { reason: 'SPLIT', arm: found.arm, range: found.range, ...about };
}

/** The arm of a rule whose condition alone decides: there is no other, and it covers its own whole number line. */
function onlyArm({ arms, ranges, group }: KeyedRule): string | undefined {
  const [arm, ...others] = Object.keys(arms);
  if (arm === undefined || others.length > 0 || group !== undefined) return undefined;
  const [range, ...further] = ranges[arm] ?? [];
  return range && further.length === 0 && range[0] === 0 && range[1] === BUCKETS ? arm : undefined;
}

/**
 * The text that is hashed for a viewer, and the attribute that it comes from: that of the fallback unit where the
 * viewer has one, which stays the same over a login. The empty text, and what is neither text nor number, is no unit.
 */
export function unitOf(
  { unit, fallbackUnit }: NumberLine,
  attributes: JsonObject,
): { readonly name: string; readonly value: string } | undefined {
  for (const name of fallbackUnit === undefined ? [unit] : [fallbackUnit, unit]) {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (typeof value === 'number' || (typeof value === 'string' && value !== '')) return { name, value: String(value) };
  }
  return undefined;
}

/** The first holdout, by name, that a viewer is in. */
function heldOutBy(
  { holdouts }: Targeting,
  attributes: JsonObject,
  engine: Pick<TargetingEngine, 'bucketOf'>,
): string | undefined {
  for (const [name, holdout] of [...holdouts].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const unit = unitOf(holdout, attributes);
    const bucket = unit && engine.bucketOf(holdout.seed, unit.value, holdout.hashVersion);
    if (bucket !== undefined && armAt({ held: holdout.ranges }, bucket)) return name;
  }
  return undefined;
}

/** What a viewer is told of these: its arms, and where it has none for want of a unit. */
export function assignmentsOf(explanations: readonly RuleExplanation[]): Assignments {
  const assignments: Assignments = {};
  for (const { rule, arm, reason, phase } of explanations) {
    if (reason === 'NO_UNIT') assignments[rule] = { reason, phase };
    else if (arm !== undefined && (reason === 'SPLIT' || reason === 'TARGETING_MATCH'))
      assignments[rule] = { arm, reason, phase };
  }
  return assignments;
}

/** The assignments of a viewer. */
export function evaluate(
  prepared: PreparedTargeting,
  attributes: JsonObject,
  engine: Pick<TargetingEngine, 'bucketOf'>,
): Assignments {
  return assignmentsOf(explain(prepared, attributes, engine));
}
