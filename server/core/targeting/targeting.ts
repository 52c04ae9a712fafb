import { isObjectPart, memberOf, plainOf, type DocumentTree } from '../document/document-tree.ts';
import {
  METRIC_TYPES,
  RULE_STATUSES,
  TARGETING_FIELDS,
  type Arm,
  type BucketRange,
  type Holdout,
  type Metric,
  type NumberLine,
  type RampStep,
  type Rule,
  type RuleGroup,
  type Segment,
} from '../document/targeting-fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';

/** The targeting of one document, read for evaluation. */
export interface Targeting {
  /** In the order in which they apply. */
  readonly rules: readonly KeyedRule[];
  readonly segments: ReadonlyMap<string, Segment>;
  readonly groups: ReadonlyMap<string, RuleGroup>;
  readonly holdouts: ReadonlyMap<string, Holdout>;
}

export interface KeyedRule extends Rule {
  readonly key: string;
}

/** Whether a document has any targeting at all. */
export function hasTargeting(document: DocumentTree): boolean {
  return TARGETING_FIELDS.some((field) => memberOf(document, field) !== undefined);
}

/** Whether a change, or a document, names one of the four fields. */
export function touchesTargeting(change: JsonObject): boolean {
  return TARGETING_FIELDS.some((field) => Object.hasOwn(change, field));
}

/**
 * Reads the targeting of a document; `undefined` where it has none. Total: a document that was written before these
 * fields had a meaning may hold anything in them, and what is no rule applies to nobody.
 */
export function readTargeting(document: DocumentTree): Targeting | undefined {
  if (!hasTargeting(document)) return undefined;
  const rules = [...readMembers(document, 'rules', readRule)].map(([key, rule]) => ({ ...rule, key }));
  return {
    rules: rules.sort((a, b) => a.order - b.order || (a.key < b.key ? -1 : 1)),
    segments: readMembers(document, 'segments', readSegment),
    groups: readMembers(document, 'groups', readLine),
    holdouts: readMembers(document, 'holdouts', readHoldout),
  };
}

function readMembers<T>(
  document: DocumentTree,
  field: string,
  read: (value: JsonObject) => T | undefined,
): Map<string, T> {
  const part = memberOf(document, field);
  const members = isObjectPart(part) ? plainOf(part) : {};
  const found = new Map<string, T>();
  for (const key of Object.keys(members)) {
    const member = members[key];
    const value = isJsonObject(member) ? read(member) : undefined;
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

function readSegment({ when }: JsonObject): Segment | undefined {
  return isJsonObject(when) ? { when } : undefined;
}

function readLine({ unit, fallbackUnit, seed, hashVersion }: JsonObject): NumberLine | undefined {
  if (typeof unit !== 'string' || typeof seed !== 'string' || (hashVersion !== 1 && hashVersion !== 2))
    return undefined;
  return { unit, seed, hashVersion, ...(typeof fallbackUnit === 'string' && { fallbackUnit }) };
}

function readHoldout(value: JsonObject): Holdout | undefined {
  const line = readLine(value);
  return line && { ...line, share: Number(value['share'] ?? 0), ranges: readRanges(value['ranges']) };
}

function readRanges(value: JsonValue | undefined): BucketRange[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((range): BucketRange[] => {
    if (!Array.isArray(range)) return [];
    const [from, to] = range;
    return typeof from === 'number' && typeof to === 'number' ? [[from, to]] : [];
  });
}

function readRule(value: JsonObject): Rule | undefined {
  const line = readLine(value);
  const { order, status, when, requires, group, coverage, phase, arms, ranges, winner } = value;
  const known = RULE_STATUSES.find((name) => name === status);
  if (!line || known === undefined || typeof order !== 'number' || !isJsonObject(arms)) return undefined;
  const required = readRequires(requires);
  // A condition that is none must not read as one that everybody meets.
  if ((when !== undefined && !isJsonObject(when)) || (requires !== undefined && !required)) return undefined;
  return {
    ...line,
    order,
    status: known,
    coverage: typeof coverage === 'number' ? coverage : 0,
    phase: typeof phase === 'number' ? phase : 1,
    arms: Object.fromEntries(Object.keys(arms).map((name) => [name, readArm(arms[name])])),
    ranges: isJsonObject(ranges)
      ? Object.fromEntries(Object.keys(ranges).map((name) => [name, readRanges(ranges[name])]))
      : {},
    ...(when !== undefined && { when }),
    ...(required && { requires: required }),
    ...(typeof group === 'string' && { group }),
    ...(value['ignoresHoldouts'] === true && { ignoresHoldouts: true }),
    ...(typeof winner === 'string' && { winner }),
    ...readMeasures(value),
  };
}

/** What a rule is measured and guarded by; what has not the present form is not there. */
function readMeasures({ metrics, ramp, guard, step }: JsonObject): Pick<Rule, 'metrics' | 'ramp' | 'guard' | 'step'> {
  const names = isJsonObject(guard) ? textsOf(guard['metrics']) : [];
  const onRegress = isJsonObject(guard) ? guard['onRegress'] : undefined;
  const steps = Array.isArray(ramp) ? ramp.flatMap((one) => readRampStep(one) ?? []) : [];
  return {
    ...(isJsonObject(metrics) && { metrics: readMetrics(metrics) }),
    ...(steps.length > 0 && { ramp: steps }),
    ...((onRegress === 'pause' || onRegress === 'rollback') && { guard: { metrics: names, onRegress } }),
    ...(typeof step === 'number' && { step }),
  };
}

function readMetrics(value: JsonObject): Record<string, Metric> {
  const metrics = Object.keys(value).flatMap((name): [string, Metric][] => {
    const metric = value[name];
    if (!isJsonObject(metric)) return [];
    const { goal, better, role, cap } = metric;
    const type = METRIC_TYPES.find((known) => known === metric['type']);
    if (typeof goal !== 'string' || type === undefined || (better !== 'up' && better !== 'down')) return [];
    const capped = typeof cap === 'number' ? { cap } : {};
    return [[name, { goal, type, better, role: role === 'guardrail' ? role : 'goal', ...capped }]];
  });
  return Object.fromEntries(metrics);
}

function readRampStep(value: JsonValue): RampStep | undefined {
  const { coverage, for: hold } = isJsonObject(value) ? value : {};
  if (typeof coverage !== 'number' || !isJsonObject(hold)) return undefined;
  const { minutes, units } = hold;
  if (typeof minutes === 'number') return { coverage, for: { minutes } };
  return typeof units === 'number' ? { coverage, for: { units } } : undefined;
}

function readRequires(value: JsonValue | undefined): Rule['requires'] | undefined {
  if (!isJsonObject(value)) return undefined;
  const { rule, arms } = value;
  return typeof rule === 'string' && Array.isArray(arms) ? { rule, arms: textsOf(arms) } : undefined;
}

function readArm(value: JsonValue | undefined): Arm {
  if (!isJsonObject(value)) return { weight: 0, change: {} };
  const { weight, change } = value;
  if (!isJsonObject(change)) return { weight: typeof weight === 'number' ? weight : 0, change: {} };
  const { merge, remove, features } = change;
  return {
    weight: typeof weight === 'number' ? weight : 0,
    change: {
      ...(isJsonObject(merge) && { merge }),
      ...(Array.isArray(remove) && { remove: remove.map((path) => textsOf(Array.isArray(path) ? path : [])) }),
      ...(isJsonObject(features) && {
        features: { add: textsOf(features['add']), remove: textsOf(features['remove']) },
      }),
    },
  };
}

function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
