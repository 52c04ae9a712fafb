import {
  BUCKETS,
  type ArmChange,
  type BucketRange,
  type Condition,
  type HashVersion,
  type RuleInput,
  type RuleStatus,
} from '../../core/document/targeting-fields.ts';
import { isJsonObject, jsonEqual, type JsonValue } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { measureOf } from '../../core/targeting/ranges.ts';
import { allOf, anyOf, noneOf } from './condition-builder.ts';
import { NotCarried, VALUES_FIELD } from './import-plan.ts';

/** How a step gives people a place; without one its condition alone decides. */
export interface StepLine {
  readonly unit: string;
  readonly fallbackUnit?: string;
  readonly seed?: string;
  readonly hashVersion?: HashVersion;
}

export interface StepArm {
  readonly name: string;
  /** `undefined`: the flag is off, or has no value. */
  readonly value: JsonValue | undefined;
  readonly weight: number;
  /** Where they are data in the other service, too. */
  readonly ranges?: readonly BucketRange[];
}

/** Ranges on a number line of its own, in all of which somebody must have a place, such as a namespace. */
export interface StepGate {
  readonly when: Condition;
  readonly line: StepLine;
  readonly ranges: readonly BucketRange[];
}

/** One strategy or rule of a flag. */
export interface FlagStep {
  readonly key: string;
  readonly description?: string | undefined;
  readonly when: Condition | undefined;
  readonly requires?: RuleInput['requires'] | undefined;
  readonly gates?: readonly StepGate[];
  readonly line?: StepLine | undefined;
  readonly coverage: number;
  readonly arms: readonly StepArm[];
}

/**
 * One place of the document, and the steps by which its value is found: as in the services that are imported from, the
 * first step that reaches somebody decides.
 */
export interface FlagTrack {
  readonly kind: 'feature' | 'value';
  readonly name: string;
  /** What it is for whom no step reaches. A feature is `true` or `undefined`. */
  readonly base: JsonValue | undefined;
  readonly status: RuleStatus;
  readonly steps: readonly FlagStep[];
}

/** Paths that one arm may remove. */
const MAX_REMOVED = 100;

/** Whether the condition of a step is all that decides about it. */
export function isByCondition(step: FlagStep): boolean {
  return !step.line && !step.requires && !step.gates?.length && step.arms.length === 1;
}

/**
 * The rules that a track comes to, and for each of its steps the key of its rule, if it has one. Here rules apply one
 * after the other, each over what those before it have done; so the steps stand in reverse order, and the first one,
 * which decides, has the last word. Whom a step takes by its condition alone is kept out of all later ones, so that
 * nobody is given an arm that is never shown.
 *
 * @param nextOrder the order of the next rule
 * @param claimName gives a rule a name that no other one has
 * @throws NotCarried where a value cannot be kept
 */
export function rulesOf(
  track: FlagTrack,
  nextOrder: () => number,
  claimName: (text: string) => string,
): { rules: Map<string, RuleInput>; keys: (string | undefined)[] } {
  const values = [track.base, ...track.steps.flatMap(({ arms }) => arms.map(({ value }) => value))];
  if (track.kind === 'value') for (const value of values) refuseValue(value);
  if (track.kind === 'feature' && track.name.length > LIMITS.setItemLength)
    throw new NotCarried(`has a name of more than ${LIMITS.setItemLength} characters`);

  const steps = merged(track.steps);
  const taken: (Condition | undefined)[] = [];
  const reached = steps.flatMap(({ step, indexes }) => {
    if (taken.includes(undefined)) return [];
    const when = allOf([step.when, noneOf(taken)]);
    if (isByCondition(step)) taken.push(step.when);
    return [{ step: { ...step, when }, indexes }];
  });

  const rules = new Map<string, RuleInput>();
  const keys: (string | undefined)[] = track.steps.map(() => undefined);
  for (const { step, indexes } of reached.reverse()) {
    const requires = gateRules(step, track.status, rules, nextOrder, claimName);
    const key = claimName(step.key);
    rules.set(key, ruleOf(track, step, requires, values, nextOrder()));
    for (const index of indexes) keys[index] = key;
  }
  return { rules, keys };
}

/** Neighbours that do the same by their conditions alone are one rule. */
function merged(steps: readonly FlagStep[]): { step: FlagStep; indexes: number[] }[] {
  const groups: { step: FlagStep; indexes: number[] }[] = [];
  for (const [index, step] of steps.entries()) {
    const last = groups.at(-1);
    const isSame = last && isByCondition(step) && isByCondition(last.step) && doTheSame(step, last.step);
    if (!isSame) groups.push({ step, indexes: [index] });
    else {
      last.step = { ...last.step, when: anyOf([last.step.when, step.when]) };
      last.indexes.push(index);
    }
  }
  return groups;
}

function doTheSame({ arms: [one] }: FlagStep, { arms: [other] }: FlagStep): boolean {
  return one !== undefined && other !== undefined && one.name === other.name && jsonEqual(one.value, other.value);
}

/**
 * Adds a rule for each gate, each requiring the one before; what the step itself has to require is the last of them.
 */
function gateRules(
  step: FlagStep,
  status: RuleStatus,
  rules: Map<string, RuleInput>,
  nextOrder: () => number,
  claimName: (text: string) => string,
): RuleInput['requires'] | undefined {
  let requires = step.requires;
  for (const { when, line, ranges } of step.gates ?? []) {
    const key = claimName(`${step.key}.gate`);
    const size = measureOf(ranges);
    rules.set(key, {
      ...line,
      order: nextOrder(),
      status,
      when,
      ...(requires && { requires }),
      coverage: size / BUCKETS,
      arms: { in: { weight: 1, change: {} } },
      ranges: { in: ranges.map(([from, to]): BucketRange => [from, to]) },
    });
    requires = { rule: key, arms: ['in'] };
  }
  return requires;
}

/** The attribute of rules whose condition alone decides; it is never read. */
const UNREAD_UNIT = 'userId';

function ruleOf(
  track: FlagTrack,
  { description, when, line, coverage, arms }: FlagStep,
  requires: RuleInput['requires'] | undefined,
  values: readonly (JsonValue | undefined)[],
  order: number,
): RuleInput {
  const areData = arms.some(({ ranges }) => ranges);
  return {
    ...(line ?? { unit: UNREAD_UNIT }),
    order,
    ...(description !== undefined && description !== '' && { description: description.slice(0, LIMITS.commentLength) }),
    status: track.status,
    ...(when && { when }),
    ...(requires && { requires }),
    coverage,
    arms: Object.fromEntries(
      arms.map(({ name, value, weight }) => [name, { weight, change: changeTo(track, value, values) }]),
    ),
    ...(areData && {
      ranges: Object.fromEntries(
        arms.map(({ name, ranges = [] }) => [name, ranges.map(([from, to]): BucketRange => [from, to])]),
      ),
    }),
  };
}

function changeTo(
  { kind, name }: FlagTrack,
  value: JsonValue | undefined,
  values: readonly (JsonValue | undefined)[],
): ArmChange {
  if (kind === 'feature') return { features: value === true ? { add: [name] } : { remove: [name] } };
  const place = [VALUES_FIELD, name];
  if (value === undefined) return { remove: [place] };
  // Objects are merged, so that what only other values have is named.
  const others = new Map(values.flatMap((other) => pathsBeside(value, other)).map((path) => [path.join('\0'), path]));
  if (others.size > MAX_REMOVED) throw new NotCarried(`has values that differ in more than ${MAX_REMOVED} members`);
  return {
    merge: { [VALUES_FIELD]: { [name]: value } },
    ...(others.size > 0 && { remove: [...others.values()].map((path) => [...place, ...path]) }),
  };
}

/** The paths of what another value has, and this one has not. */
function pathsBeside(value: JsonValue, other: JsonValue | undefined): string[][] {
  if (!isJsonObject(value) || !isJsonObject(other)) return [];
  return Object.keys(other).flatMap((key) => {
    const member = value[key];
    if (member === undefined) return [[key]];
    return pathsBeside(member, other[key]).map((path) => [key, ...path]);
  });
}

function refuseValue(value: JsonValue | undefined): void {
  if (!isJsonObject(value)) return;
  for (const [key, member] of Object.entries(value)) {
    if (member === null) throw new NotCarried(`has a value whose member ${key} is null, which a document cannot keep`);
    refuseValue(member);
  }
}
