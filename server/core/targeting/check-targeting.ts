import type { Checked } from '../document/check.ts';
import { isObjectPart, memberOf, plainOf, sizeOf, type DocumentTree } from '../document/document-tree.ts';
import { diff } from '../document/merge-patch.ts';
import {
  BUCKETS,
  TARGETING_FIELDS,
  TARGETING_LIMITS,
  TARGETING_NAME_PATTERN,
  TARGETING_NAME_WORDS,
  type ArmChange,
} from '../document/targeting-fields.ts';
import type { Path, Reason, Refusal } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { quotePath } from '../quote.ts';
import type { TargetingEngine } from './evaluator.ts';
import { measureOf, normalised, overlapOf } from './ranges.ts';
import { applyArm, fieldsOf } from './resolve.ts';
import { readTargeting, touchesTargeting, type KeyedRule, type Targeting } from './targeting.ts';
import { bucketsOf, sizesOf } from './targeting-effect.ts';

/** Fields that no arm may touch: who would see a campaign at all must not depend on a rule, nor rules on each other. */
const UNTOUCHABLE: ReadonlySet<string> = new Set([...TARGETING_FIELDS, 'slug', 'status']);

export interface TargetingRules {
  /** Judges conditions; without it they are taken as they are. */
  readonly engine?: Pick<TargetingEngine, 'faultOf' | 'expressionSize' | 'segmentsIn'>;
  /** Whether the document may stand as an arm leaves it. */
  checkArm(document: DocumentTree, change: JsonObject): Checked;
}

/**
 * The validation of a document's targeting after a change, beyond the shapes of the fields: names, numbers, references,
 * conditions, what arms touch, ranges that measure what the weights say, and the invariants of groups: no bucket
 * belongs to two rules. Total; without targeting in the change there is nothing to look at.
 *
 * @param next the document after the change, which has passed `check`
 */
export function checkTargeting(next: DocumentTree, change: JsonObject, rules: TargetingRules): Checked {
  if (!touchesTargeting(change)) return { ok: true };
  const refusal = firstRefusal(next, change, rules);
  return refusal ? { ok: false, refusal } : { ok: true };
}

function firstRefusal(next: DocumentTree, change: JsonObject, rules: TargetingRules): Refusal | undefined {
  const targeting = readTargeting(next);
  if (!targeting) return undefined;
  return (
    refuseNames(next) ??
    firstOf(targeting.rules, (rule) =>
      isTouched(change, rule.key) ? refuseRule(next, rule, targeting, rules) : undefined,
    ) ??
    refuseHoldouts(targeting) ??
    refuseConditions(targeting, rules.engine) ??
    refuseReferences(targeting) ??
    refuseCircles(targeting, rules.engine) ??
    refuseOverlaps(targeting)
  );
}

/** The first refusal among these. */
function firstOf<T>(items: Iterable<T>, refuse: (item: T) => Refusal | undefined): Refusal | undefined {
  for (const item of items) {
    const refusal = refuse(item);
    if (refusal) return refusal;
  }
  return undefined;
}

function refusal(at: Path, what: string, reason: Reason = 'INVALID', limit?: number): Refusal {
  const path = quotePath(at);
  return { reason, message: `${path.join('.')}: ${what}`, path, ...(limit !== undefined && { limit }) };
}

function tooMany(at: Path, limit: number, what: string): Refusal {
  return refusal(at, `must have at most ${limit} ${what}`, 'TOO_LARGE', limit);
}

function isTouched({ rules }: JsonObject, key: string): boolean {
  return isJsonObject(rules) && Object.hasOwn(rules, key);
}

function refuseName(at: Path, name: string): Refusal | undefined {
  return TARGETING_NAME_PATTERN.test(name) ? undefined : refusal([...at, name], TARGETING_NAME_WORDS);
}

function refuseNames(next: DocumentTree): Refusal | undefined {
  return firstOf(TARGETING_FIELDS, (field) => {
    const part = memberOf(next, field);
    if (!isObjectPart(part)) return undefined;
    const limit = TARGETING_LIMITS[field];
    if (sizeOf(part) > limit) return tooMany([field], limit, 'members');
    return firstOf(Object.keys(plainOf(part)), (name) => refuseName([field], name));
  });
}

function refuseRule(
  next: DocumentTree,
  rule: KeyedRule,
  { groups }: Targeting,
  { checkArm }: TargetingRules,
): Refusal | undefined {
  const at = ['rules', rule.key];
  const names = Object.keys(rule.arms);
  if (names.length === 0) return refusal([...at, 'arms'], 'must not be empty');
  if (names.length > TARGETING_LIMITS.arms) return tooMany([...at, 'arms'], TARGETING_LIMITS.arms, 'arms');
  if (!names.some((name) => (rule.arms[name]?.weight ?? 0) > 0))
    return refusal([...at, 'arms'], 'one of them must have a weight of more than 0');
  if (rule.winner !== undefined && !Object.hasOwn(rule.arms, rule.winner))
    return refusal([...at, 'winner'], `there is no arm ${rule.winner}`);
  const group = rule.group === undefined ? undefined : groups.get(rule.group);
  if (rule.group !== undefined && !group) return refusal([...at, 'group'], `there is no group ${rule.group}`);
  if (group && (rule.unit !== group.unit || rule.fallbackUnit !== group.fallbackUnit))
    return refusal([...at, 'unit'], `must be that of the group ${rule.group}, as must fallbackUnit`);
  return (
    firstOf(names, (name) => refuseName([...at, 'arms'], name)) ??
    refuseRanges(rule) ??
    refuseMeasures(rule) ??
    firstOf(names, (name) => {
      const change = rule.arms[name]?.change;
      return change && refuseArm(next, [...at, 'arms', name, 'change'], change, checkArm);
    })
  );
}

/** Names of metrics must be names, the guard must name some of them, and a ramp must not fall. */
function refuseMeasures({ key, metrics = {}, guard, ramp = [] }: KeyedRule): Refusal | undefined {
  const at = ['rules', key];
  const names = Object.keys(metrics);
  if (names.length > TARGETING_LIMITS.metrics) return tooMany([...at, 'metrics'], TARGETING_LIMITS.metrics, 'metrics');
  const falls = ramp.findIndex(({ coverage }, index) => coverage < (ramp[index - 1]?.coverage ?? 0));
  if (falls > 0) return refusal([...at, 'ramp', falls, 'coverage'], 'must be no less than that of the step before');
  const unknown = guard?.metrics.find((name) => !Object.hasOwn(metrics, name));
  if (unknown !== undefined) return refusal([...at, 'guard', 'metrics'], `there is no metric ${unknown}`);
  return firstOf(names, (name) => refuseName([...at, 'metrics'], name));
}

/** Ranges must be disjoint, and measure what weights and coverage say: else the weights would be a lie. */
function refuseRanges(rule: KeyedRule): Refusal | undefined {
  const at = ['rules', rule.key, 'ranges'];
  const sizes = sizesOf(rule);
  const unknown = Object.keys(rule.ranges).find((name) => !Object.hasOwn(rule.arms, name));
  if (unknown !== undefined) return refusal([...at, unknown], 'there is no such arm');
  const wrong = Object.keys(rule.arms).find((name) => measureOf(rule.ranges[name] ?? []) !== sizes[name]);
  if (wrong !== undefined) {
    const measured = measureOf(rule.ranges[wrong] ?? []);
    return refusal([...at, wrong], `has ${measured} buckets; weights and coverage say ${sizes[wrong]} of ${BUCKETS}`);
  }
  return refuseUnordered(at, Object.values(rule.ranges).flat(), Object.values(rule.ranges));
}

function refuseUnordered(
  at: Path,
  all: Parameters<typeof overlapOf>[0],
  lists: readonly Parameters<typeof normalised>[0][],
): Refusal | undefined {
  const overlap = overlapOf(all);
  if (overlap !== undefined) return refusal(at, `bucket ${overlap} is in two ranges`);
  const isNormal = lists.every((ranges) => JSON.stringify(normalised(ranges)) === JSON.stringify(ranges));
  return isNormal ? undefined : refusal(at, 'each list must be in order, without empty ranges or ranges that touch');
}

function refuseArm(
  next: DocumentTree,
  at: Path,
  change: ArmChange,
  checkArm: TargetingRules['checkArm'],
): Refusal | undefined {
  const untouchable = fieldsOf(change).find((field) => UNTOUCHABLE.has(field));
  if (untouchable !== undefined) return refusal(at, `an arm cannot change ${untouchable}`);
  const changed = applyArm(next, change);
  const checked = checkArm(changed, diff(next, changed));
  if (checked.ok) return undefined;
  const { message, ...details } = checked.refusal;
  return { ...details, message: `${quotePath(at).join('.')}: ${message}`, path: quotePath(at) };
}

function refuseHoldouts({ holdouts }: Targeting): Refusal | undefined {
  return firstOf(holdouts, ([name, { share, ranges }]) => {
    const at = ['holdouts', name, 'ranges'];
    if (measureOf(ranges) !== bucketsOf(share))
      return refusal(at, `has ${measureOf(ranges)} buckets; share says ${bucketsOf(share)} of ${BUCKETS}`);
    return refuseUnordered(at, ranges, [ranges]);
  });
}

/** All conditions with the place where each stands. */
function conditionsOf({ rules, segments }: Targeting): { readonly at: Path; readonly when: JsonObject }[] {
  return [
    ...[...segments].map(([name, { when }]) => ({ at: ['segments', name, 'when'], when })),
    ...rules.flatMap(({ key, when }) => (when ? [{ at: ['rules', key, 'when'], when }] : [])),
  ];
}

function refuseConditions(targeting: Targeting, engine: TargetingRules['engine']): Refusal | undefined {
  if (!engine) return undefined;
  let size = 0;
  return firstOf(conditionsOf(targeting), ({ at, when }) => {
    const fault = engine.faultOf(when);
    if (fault) return refusal([...at, ...fault.path], fault.message);
    const missing = engine.segmentsIn(when).find((name) => !targeting.segments.has(name));
    if (missing !== undefined) return refusal(at, `there is no segment ${missing}`);
    size += engine.expressionSize(when);
    const limit = TARGETING_LIMITS.expressionSize;
    if (size <= limit) return undefined;
    return refusal(at, `the regular expressions of all conditions are too large together: ${size}`, 'TOO_LARGE', limit);
  });
}

function refuseReferences({ rules, groups }: Targeting): Refusal | undefined {
  const byKey = new Map(rules.map((rule) => [rule.key, rule]));
  return firstOf(rules, ({ key, requires, group }) => {
    if (group !== undefined && !groups.has(group))
      return refusal(['rules', key, 'group'], `there is no group ${group}`);
    if (!requires) return undefined;
    const required = byKey.get(requires.rule);
    if (!required) return refusal(['rules', key, 'requires', 'rule'], `there is no rule ${requires.rule}`);
    const missing = requires.arms.find((arm) => !Object.hasOwn(required.arms, arm));
    return missing === undefined
      ? undefined
      : refusal(['rules', key, 'requires', 'arms'], `the rule ${requires.rule} has no arm ${missing}`);
  });
}

/** Rules must not require each other in a circle, and segments not refer to each other in one. */
function refuseCircles({ rules, segments }: Targeting, engine: TargetingRules['engine']): Refusal | undefined {
  const required = new Map(rules.map(({ key, requires }) => [key, requires ? [requires.rule] : []]));
  const circular = inCircle(required);
  if (circular !== undefined) return refusal(['rules', circular, 'requires'], 'it requires itself');
  if (!engine) return undefined;
  const referred = new Map([...segments].map(([name, { when }]) => [name, engine.segmentsIn(when)]));
  const segment = inCircle(referred);
  return segment === undefined ? undefined : refusal(['segments', segment, 'when'], 'it refers to itself');
}

/** A node from which a path leads back to it. */
function inCircle(edges: ReadonlyMap<string, readonly string[]>): string | undefined {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (node: string): string | undefined => {
    if (state.get(node) === 'open') return node;
    if (state.has(node)) return undefined;
    state.set(node, 'open');
    for (const next of edges.get(node) ?? []) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    state.set(node, 'done');
    return undefined;
  };
  for (const node of edges.keys()) {
    const found = visit(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of the rules of a group none may have a bucket of another, until it has ended: exclusion is an invariant. */
function refuseOverlaps({ rules, groups }: Targeting): Refusal | undefined {
  return firstOf(groups.keys(), (name) => {
    const claiming = rules.filter(({ group, status }) => group === name && status !== 'ended');
    const overlap = overlapOf(claiming.flatMap(({ ranges }) => Object.values(ranges).flat()));
    if (overlap === undefined) return undefined;
    const holders = claiming.filter(({ ranges }) =>
      Object.values(ranges).some((list) => list.some(([from, to]) => overlap >= from && overlap < to)),
    );
    const keys = holders.map(({ key }) => key);
    const claimed = claiming.reduce((sum, { ranges }) => sum + measureOf(Object.values(ranges).flat()), 0);
    const what = `${keys.join(' and ')} claim the same buckets; the rules claim ${claimed} of ${BUCKETS}`;
    return refusal(['groups', name], what, 'CONFLICT');
  });
}
