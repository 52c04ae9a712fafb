import type {
  ShipRuleCommand,
  TargetingCommand,
  UpdateHoldoutCommand,
  UpdateRuleCommand,
} from '../commands/command.ts';
import { isObjectPart, memberOf, sizeOf, withMember, type DocumentTree } from '../document/document-tree.ts';
import { diff } from '../document/merge-patch.ts';
import { BUCKETS, type Arm, type BucketRange, type Rule, type TargetingField } from '../document/targeting-fields.ts';
import type { JsonObject } from '../json.ts';
import { apportion, recut, type Sizes } from './ranges.ts';
import { applyArm } from './resolve.ts';
import { readTargeting, type KeyedRule, type Targeting } from './targeting.ts';

/**
 * The effect of a targeting command on a state, as a minimal merge patch: `{}` where it changes nothing. Total, like
 * `commands/effect.ts`; whether the result may stand is for `checkTargeting` to say. Pure: no randomness, so that
 * seeds come from names.
 */
export function targetingEffect(state: DocumentTree, command: TargetingCommand): JsonObject {
  return diff(state, meaning(state, command));
}

function meaning(state: DocumentTree, command: TargetingCommand): DocumentTree {
  switch (command.type) {
    case 'updateSegment':
      return replace(state, 'segments', command.key, command.segment);
    case 'updateGroup':
      return replace(state, 'groups', command.key, command.group && withLine(state, command.key, command.group, 1));
    case 'updateHoldout':
      return replace(state, 'holdouts', command.key, command.holdout && cutHoldout(state, command));
    case 'updateRule':
      return replace(state, 'rules', command.key, command.rule && cutRule(state, command));
    case 'shipRule':
      return ship(state, command);
  }
}

/** The document with another member in one of the four fields, as a whole; a field without members is none. */
function replace(state: DocumentTree, field: TargetingField, key: string, value: object | null): DocumentTree {
  const part = memberOf(state, field);
  const members = isObjectPart(part) ? part : {};
  if (value === null && memberOf(members, key) === undefined) return state;
  // Commands are plain JSON, and so is what is made of them.
  const changed = withMember(members, key, value === null ? undefined : (value as JsonObject), false);
  return withMember(state, field, sizeOf(changed) === 0 ? undefined : changed, false);
}

/** The defaults of a number line. The slug tells the rules of different campaigns apart, so that their units mix. */
function withLine<T extends { seed?: string; hashVersion?: 1 | 2 }>(
  state: DocumentTree,
  key: string,
  given: T,
  phase: number,
  before?: { readonly seed: string; readonly hashVersion: 1 | 2 },
): T & { seed: string; hashVersion: 1 | 2 } {
  const slug = memberOf(state, 'slug');
  const seed = given.seed ?? before?.seed ?? `${typeof slug === 'string' ? slug : ''}/${key}/${phase}`;
  return { ...given, seed, hashVersion: given.hashVersion ?? before?.hashVersion ?? 2 };
}

function cutHoldout(state: DocumentTree, { key, holdout }: UpdateHoldoutCommand): object {
  if (!holdout) return {};
  const before = readTargeting(state)?.holdouts.get(key);
  const sizes = { held: bucketsOf(holdout.share) };
  const ranges = holdout.ranges ?? recut({ held: before?.ranges ?? [] }, sizes)['held'] ?? [];
  return { ...withLine(state, key, holdout, 1, before), ranges };
}

/** Buckets of each arm of a rule, as weights and coverage say. */
export function sizesOf({ arms, coverage }: { arms: Readonly<Record<string, Arm>>; coverage: number }): Sizes {
  const weights = Object.fromEntries(Object.keys(arms).map((name) => [name, arms[name]?.weight ?? 0]));
  return apportion(weights, bucketsOf(coverage));
}

/** The number of buckets that make up a share. */
export function bucketsOf(share: number): number {
  return Number.isFinite(share) ? Math.round(Math.min(1, Math.max(0, share)) * BUCKETS) : 0;
}

/** The buckets that the other rules of a group have claimed; an ended rule claims nothing. */
export function claimedByOthers({ rules }: Pick<Targeting, 'rules'>, key: string, group: string): BucketRange[] {
  return rules
    .filter((rule) => rule.key !== key && rule.group === group && rule.status !== 'ended')
    .flatMap((rule) => Object.values(rule.ranges).flat());
}

/**
 * The rule that a command comes to. It starts anew, in its next phase, with another seed, where it had ended, or where
 * a higher phase is asked for.
 */
function cutRule(state: DocumentTree, { key, rule }: UpdateRuleCommand): object {
  if (!rule) return {};
  const targeting = readTargeting(state);
  const before = targeting?.rules.find((one) => one.key === key);
  const startsAnew = before !== undefined && isNewPhase(before, rule);
  const phase =
    before === undefined ? (rule.phase ?? 1) : startsAnew ? Math.max(rule.phase ?? 0, before.phase + 1) : before.phase;
  const line = withLine(state, key, rule, phase, startsAnew ? undefined : before);
  const claims = rule.group !== undefined && rule.status !== 'ended';
  const taken = targeting && claims ? claimedByOthers(targeting, key, rule.group ?? '') : [];
  const ranges = rule.ranges ?? recut(startsAnew ? {} : (before?.ranges ?? {}), sizesOf(rule), taken);
  // A ramp goes on where it is, unless it is another one.
  const keepsStep = before?.step !== undefined && !startsAnew && isSameRamp(before, rule);
  return { ...(keepsStep && { step: before.step }), ...line, phase, ranges };
}

function isSameRamp(before: Pick<Rule, 'ramp'>, after: Pick<Rule, 'ramp'>): boolean {
  return before.ramp !== undefined && JSON.stringify(before.ramp) === JSON.stringify(after.ramp);
}

function isNewPhase(before: KeyedRule, rule: { readonly status: Rule['status']; readonly phase?: number }): boolean {
  return (before.status === 'ended' && rule.status !== 'ended') || (rule.phase ?? 0) > before.phase;
}

/** Folds the winner into the document and ends the rule: one entry. */
function ship(state: DocumentTree, { key, winner }: ShipRuleCommand): DocumentTree {
  const rules = memberOf(state, 'rules');
  const rule = isObjectPart(rules) ? memberOf(rules, key) : undefined;
  const change = readTargeting(state)?.rules.find((one) => one.key === key)?.arms[winner]?.change;
  if (!isObjectPart(rules) || !isObjectPart(rule) || !change) return state;
  const ended = withMember(withMember(rule, 'status', 'ended', false), 'winner', winner, false);
  return withMember(applyArm(state, change), 'rules', withMember(rules, key, ended, false), false);
}
