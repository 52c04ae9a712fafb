import { evalCondition } from '@growthbook/growthbook';
import { z } from 'zod';
import { BUCKETS, type BucketRange, type Condition, type HashVersion } from '../../core/document/targeting-fields.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { measureOf, without } from '../../core/targeting/ranges.ts';
import { createPlanBuilder, type ConditionJudge, type FlagBuilder } from './assemble.ts';
import { allOf, anyOf, noneOf, not } from './condition-builder.ts';
import { isByCondition, type FlagStep, type StepArm, type StepGate, type StepLine } from './flag-track.ts';
import { createNames, NotCarried, type ImportPlan } from './import-plan.ts';

// What is read has been JSON.
const json = z.unknown().transform((value) => value as JsonValue);
const condition = z.record(z.string(), json);
const range = z.tuple([z.number(), z.number()]);

const parentCondition = z.object({ id: z.string(), condition: condition.nullish(), gate: z.boolean().nullish() });

const filter = z.object({
  attribute: z.string().nullish(),
  seed: z.string(),
  hashVersion: z.number().nullish(),
  ranges: z.array(range),
});

const featureRule = z.looseObject({
  id: z.string().nullish(),
  condition: condition.nullish(),
  parentConditions: z.array(parentCondition).nullish(),
  force: json.optional(),
  variations: z.array(json).nullish(),
  weights: z.array(z.number()).nullish(),
  key: z.string().nullish(),
  hashAttribute: z.string().nullish(),
  fallbackAttribute: z.string().nullish(),
  hashVersion: z.number().nullish(),
  bucketVersion: z.number().nullish(),
  minBucketVersion: z.number().nullish(),
  range: range.nullish(),
  coverage: z.number().nullish(),
  namespace: z.tuple([z.string(), z.number(), z.number()]).nullish(),
  ranges: z.array(range).nullish(),
  meta: z.array(z.object({ key: z.string().nullish(), name: z.string().nullish() })).nullish(),
  filters: z.array(filter).nullish(),
  seed: z.string().nullish(),
  name: z.string().nullish(),
});
type FeatureRule = z.infer<typeof featureRule>;

const feature = z.object({ defaultValue: json.optional(), rules: z.array(featureRule).nullish() });
type Feature = z.infer<typeof feature>;

const savedGroup = z.union([
  z.array(json),
  z.looseObject({
    type: z.string(),
    attributeKey: z.string().nullish(),
    values: z.array(json).nullish(),
    condition: condition.nullish(),
  }),
]);

/** What GrowthBook's API tells its SDKs: `GET /api/features/<client key>`. */
const featuresFile = z.looseObject({
  features: z.record(z.string(), feature),
  savedGroups: z.record(z.string(), savedGroup).nullish(),
  experiments: z.array(z.looseObject({ key: z.string().nullish() })).nullish(),
});

/** The attribute that is hashed where a rule names none. */
const DEFAULT_UNIT = 'id';

/**
 * The plan for a GrowthBook features file: what its API tells SDKs. The hash is the same, and so are seeds and ranges:
 * everybody keeps the variation that they have there.
 *
 * @throws z.ZodError where the file is none
 */
export function readGrowthBook(file: unknown, judge: ConditionJudge): ImportPlan {
  const { features, savedGroups, experiments } = featuresFile.parse(file);
  const plan = createPlanBuilder(judge);
  const groups = new Map(Object.entries(savedGroups ?? {}));
  const rewrite = createRewriter(groups, (name, when) => plan.segment(name, { when }));
  for (const [name, each] of Object.entries(features)) {
    plan.flag(name, (flag) => carryFeature(name, each, { features, rewrite }, flag));
  }
  for (const [index, { key }] of (experiments ?? []).entries()) {
    plan.flag(key ?? `experiments.${index}`, () => {
      throw new NotCarried('changes pages by URL, selector or redirect, which is not the state of a campaign');
    });
  }
  return plan.plan();
}

interface Surroundings {
  readonly features: Readonly<Record<string, Feature>>;
  rewrite(condition: JsonObject): Condition;
}

function carryFeature(name: string, { defaultValue, rules }: Feature, around: Surroundings, flag: FlagBuilder): void {
  const isSwitch = typeof defaultValue === 'boolean';
  const kind = isSwitch ? 'feature' : 'value';
  const steps = (rules ?? []).flatMap((rule, index) => {
    const key = rule.key ?? (rules?.length === 1 ? name : `${name}.${index + 1}`);
    return stepsOf(rule, { key, seed: name, isSwitch, stack: [name] }, around, flag);
  });
  flag.track({ kind, name, base: valueOf(defaultValue, isSwitch), status: 'running', steps });
}

/** A value as the document keeps it: what is `null` is not there, and a switch is `true` or not there. */
function valueOf(value: JsonValue | undefined, isSwitch: boolean): JsonValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (!isSwitch) return value;
  if (typeof value !== 'boolean')
    throw new NotCarried('is on or off by default, and a rule gives it another kind of value');
  return value ? true : undefined;
}

interface StepOrigin {
  readonly key: string;
  /** The seed of a rollout that names none. */
  readonly seed: string;
  readonly isSwitch: boolean;
  /** Features on the way to this one. */
  readonly stack: readonly string[];
}

function stepsOf(
  rule: FeatureRule,
  origin: StepOrigin,
  around: Surroundings,
  flag: FlagBuilder | undefined,
): FlagStep[] {
  if (rule['contextualVariations'] !== undefined || rule['contextualBanditRef'] !== undefined)
    throw new NotCarried('has a contextual bandit, whose weights are computed elsewhere');
  for (const name of ['url', 'urlPatterns', 'groups']) {
    if (rule[name] !== undefined) throw new NotCarried(`has a rule with ${name}, for which there is no attribute`);
  }
  const steps: FlagStep[] = [];
  const parents: Condition[] = [];
  for (const { id, condition: asked, gate } of rule.parentConditions ?? []) {
    const holds = whenParent(id, asked ?? {}, origin.stack, around);
    if (gate === true) {
      const off = { name: 'off', value: undefined, weight: 1 };
      const when = allOf([...parents, not(holds)]);
      steps.push({ key: `${origin.key}.gate`, when, coverage: 1, arms: [off] });
    }
    parents.push(holds ?? {});
    flag?.note(`depends on ${id} as that is in the file; later changes of ${id} do not change it`);
  }
  if (rule.minBucketVersion || rule.bucketVersion)
    flag?.note('loses its bucket versions: what a person was given once is not stored here, but computed');
  const when = allOf([...parents, rule.condition ? around.rewrite(rule.condition) : undefined]);
  const isForced = Object.hasOwn(rule, 'force') && rule.force !== undefined;
  // A rule that forces a value is not looked up in namespaces.
  const gates = gatesOf(isForced ? { ...rule, namespace: undefined } : rule);
  const base = { key: origin.key, description: rule.name ?? undefined, ...(gates.length > 0 && { gates }) };
  const step = isForced ? rolloutOf(rule, { ...base, when }, origin) : experimentOf(rule, { ...base, when }, origin);
  if (step?.line?.fallbackUnit !== undefined)
    flag?.note(
      `hashes ${step.line.fallbackUnit} wherever it is given, which holds an arm over a login without storing it`,
    );
  return step ? [...steps, step] : steps;
}

type StepBase = Omit<FlagStep, 'arms' | 'coverage' | 'line'>;

function rolloutOf(rule: FeatureRule, base: StepBase, { seed, isSwitch }: StepOrigin): FlagStep | undefined {
  const value = valueOf(rule.force, isSwitch);
  const arm = { name: isSwitch ? (value === true ? 'on' : 'off') : 'value', value, weight: 1 };
  if (rule.coverage === undefined || rule.coverage === null) {
    if (!rule.range) return { ...base, coverage: 1, arms: [arm] };
  }
  const ranges = rule.range ? [bucketsIn(rule.range)] : [[0, bucketsUpTo(rule.coverage ?? 0)] satisfies BucketRange];
  return drawn(rule, base, rule.seed || seed, [{ ...arm, ranges: ranges.filter(([from, to]) => to > from) }]);
}

function experimentOf(rule: FeatureRule, base: StepBase, { key, isSwitch, seed }: StepOrigin): FlagStep | undefined {
  const variations = rule.variations ?? [];
  if (variations.length < 2) return undefined;
  const nameArm = createNames();
  const taken: BucketRange[] = [];
  const arms = rangesOf(rule, variations.length).map((given, index): StepArm => {
    // Of ranges that overlap the first one counts.
    const ranges = without([bucketsIn(given)], taken);
    taken.push(...ranges);
    const meta = rule.meta?.[index];
    const name = nameArm(meta?.key || String(index));
    return { name, value: valueOf(variations[index], isSwitch), weight: measureOf(ranges), ranges };
  });
  return drawn(rule, base, rule.seed || rule.key || seed || key, arms);
}

/** A step that draws people; `undefined` where it draws nobody. */
function drawn(rule: FeatureRule, base: StepBase, seed: string, arms: readonly StepArm[]): FlagStep | undefined {
  const size = arms.reduce((sum, { ranges = [] }) => sum + measureOf(ranges), 0);
  if (size === 0) return undefined;
  const unit = rule.hashAttribute || DEFAULT_UNIT;
  const fallback = rule.fallbackAttribute || undefined;
  const drawable = anyOf([hasUnit(unit), ...(fallback === undefined ? [] : [hasUnit(fallback)])]);
  const line: StepLine = {
    unit,
    ...(fallback !== undefined && { fallbackUnit: fallback }),
    seed,
    hashVersion: versionOf(rule.hashVersion, 1),
  };
  return { ...base, when: allOf([base.when, drawable]), line, coverage: size / BUCKETS, arms };
}

/** Somebody without a unit is not in, also where the whole line is covered. */
function hasUnit(attribute: string): Condition {
  return { [attribute]: { $nin: [null, '', 0, false] } };
}

function versionOf(version: number | null | undefined, otherwise: HashVersion): HashVersion {
  const known = version || otherwise;
  if (known === 1 || known === 2) return known;
  throw new NotCarried(`has the hash version ${known}, which GrowthBook's library does not know`);
}

function gatesOf({
  namespace,
  filters,
  hashAttribute,
}: Pick<FeatureRule, 'namespace' | 'filters' | 'hashAttribute'>): StepGate[] {
  // With a list of filters, an empty one too, the library does not look at the namespace.
  if (filters) {
    return filters.map(({ attribute, seed, hashVersion, ranges }) => ({
      when: hasUnit(attribute || DEFAULT_UNIT),
      line: { unit: attribute || DEFAULT_UNIT, seed, hashVersion: versionOf(hashVersion, 2) },
      ranges: disjoint(ranges.map(bucketsIn)),
    }));
  }
  if (!namespace) return [];
  const [name, from, to] = namespace;
  const line: StepLine = { unit: hashAttribute || DEFAULT_UNIT, seed: `__${name}`, hashVersion: 1 };
  return [{ when: hasUnit(line.unit), line, ranges: disjoint([bucketsIn([from, to])]) }];
}

function disjoint(ranges: readonly BucketRange[]): BucketRange[] {
  const joined: BucketRange[] = [];
  for (const one of ranges) joined.push(...without([one], joined));
  return without([[0, BUCKETS]], without([[0, BUCKETS]], joined));
}

/** The ranges of an experiment, as GrowthBook cuts them where they are not given. */
function rangesOf(rule: FeatureRule, count: number): [number, number][] {
  if (rule.ranges) return rule.ranges.slice(0, count);
  const coverage = Math.min(1, Math.max(0, rule.coverage ?? 1));
  const equal = Array.from({ length: count }, () => 1 / count);
  const given = rule.weights?.length === count ? rule.weights : equal;
  const total = given.reduce((sum, weight) => sum + weight, 0);
  const weights = total < 0.99 || total > 1.01 ? equal : given;
  let start = 0;
  return weights.map((weight) => {
    const from = start;
    start += weight;
    return [from, from + coverage * weight];
  });
}

/** The buckets whose places on the line are in a half-open range, compared as GrowthBook compares them. */
function bucketsIn([from, to]: readonly [number, number]): BucketRange {
  return [firstFrom(from), firstFrom(to)];
}

function firstFrom(place: number): number {
  if (!(place > 0)) return 0;
  if (place > 1) return BUCKETS;
  let bucket = Math.round(place * BUCKETS);
  while (bucket > 0 && (bucket - 1) / BUCKETS >= place) bucket -= 1;
  while (bucket / BUCKETS < place) bucket += 1;
  return Math.min(bucket, BUCKETS);
}

/** The end of the buckets up to a share, which is in; a share of 0 has none. */
function bucketsUpTo(share: number): number {
  if (share <= 0) return 0;
  const first = firstFrom(share);
  return Math.min(BUCKETS, first / BUCKETS <= share ? first + 1 : first);
}

/** Whom the value of a parent feature meets a condition for; conditions alone must decide about it. */
function whenParent(
  id: string,
  asked: JsonObject,
  stack: readonly string[],
  around: Surroundings,
): Condition | undefined {
  if (stack.includes(id)) throw new NotCarried(`depends on itself over ${id}`);
  const parent = Object.hasOwn(around.features, id) ? around.features[id] : undefined;
  const meets = (value: JsonValue | undefined): boolean => evalCondition({ value: value ?? null }, asked);
  if (!parent) return meets(undefined) ? undefined : not(undefined);
  const isSwitch = typeof parent.defaultValue === 'boolean';
  const origin: StepOrigin = { key: id, seed: id, isSwitch, stack: [...stack, id] };
  const steps = (parent.rules ?? []).flatMap((rule) => stepsOf(rule, origin, around, undefined));
  const before: (Condition | undefined)[] = [];
  const regions: (Condition | undefined)[] = [];
  for (const step of steps) {
    if (!isByCondition(step)) throw new NotCarried(`depends on ${id}, whose value is drawn`);
    const [arm] = step.arms;
    const isOff = arm?.value === undefined && step.key.endsWith('.gate');
    const value = isSwitch && !isOff ? arm?.value === true : arm?.value;
    if (meets(value)) regions.push(allOf([step.when, noneOf(before)]));
    before.push(step.when);
  }
  if (meets(isSwitch ? parent.defaultValue === true : (parent.defaultValue ?? null))) regions.push(noneOf(before));
  return anyOf(regions);
}

/**
 * Rewrites conditions: groups become segments, and `null`, which a document cannot keep, becomes `$exists`. A list of
 * values knows no attribute, so that it becomes one segment for each attribute that it is asked of.
 */
function createRewriter(
  groups: ReadonlyMap<string, z.infer<typeof savedGroup>>,
  addSegment: (name: string, when: Condition) => string,
): (condition: JsonObject) => Condition {
  const added = new Map<string, string>();

  const segment = (name: string, when: () => Condition): Condition => {
    const known = added.get(name) ?? addSegment(name, when());
    added.set(name, known);
    return { $savedGroup: { id: known } };
  };

  const valuesOf = (id: JsonValue): readonly JsonValue[] => {
    const group = typeof id === 'string' ? groups.get(id) : undefined;
    if (!group) throw new NotCarried(`refers to the group ${JSON.stringify(id)}, which is not in the file`);
    const values = Array.isArray(group) ? group : group.type === 'list' ? group.values : undefined;
    if (!values) throw new NotCarried(`refers to the group ${JSON.stringify(id)} as a list of values, which it is not`);
    return values;
  };

  const groupReference = (reference: JsonValue | undefined): Condition => {
    const { id, attributeKey } = isJsonObject(reference) ? reference : {};
    const group = typeof id === 'string' ? groups.get(id) : undefined;
    if (typeof id !== 'string' || !group || Array.isArray(group))
      throw new NotCarried(`refers to the group ${JSON.stringify(id ?? null)}, which is not in the file`);
    if (group.type === 'condition' && group.condition) {
      const when = group.condition;
      return segment(id, () => rewrite(when));
    }
    const attribute = typeof attributeKey === 'string' ? attributeKey : group.attributeKey;
    if (attribute === null || attribute === undefined)
      throw new NotCarried(`refers to the group ${id}, which names no attribute`);
    return segment(`${id}.${attribute}`, () => ({ [attribute]: { $in: [...valuesOf(id)] } }));
  };

  const rewriteList = (value: JsonValue | undefined): JsonValue[] =>
    Array.isArray(value) ? value.map((item) => (isJsonObject(item) ? rewrite(item) : item)) : [];

  /** What is asked of one attribute, without `null`. Groups are written out. */
  const rewriteValue = (value: JsonValue): JsonValue => {
    if (value === null) return { $exists: false };
    if (!isJsonObject(value) || !Object.keys(value).some((key) => key.startsWith('$'))) return value;
    const rewritten: JsonObject = {};
    const put = (operator: string, operand: JsonValue): void => {
      if (Object.hasOwn(rewritten, operator)) throw new NotCarried(`asks for ${operator} twice in one condition`);
      rewritten[operator] = operand;
    };
    for (const [operator, operand] of Object.entries(value)) {
      if (operator === '$inGroup') put('$in', [...valuesOf(operand)]);
      else if (operator === '$notInGroup') put('$nin', [...valuesOf(operand)]);
      else if (operator === '$eq' && operand === null) put('$exists', false);
      else if (operator === '$ne' && operand === null) put('$exists', true);
      else if (operator === '$not' || operator === '$size') put(operator, rewriteValue(operand));
      else if (operator === '$elemMatch' && isJsonObject(operand))
        put(
          operator,
          Object.keys(operand).every((key) => key.startsWith('$')) ? rewriteValue(operand) : rewrite(operand),
        );
      else put(operator, operand);
    }
    return rewritten;
  };

  const rewrite = (source: JsonObject): Condition => {
    const rewritten: JsonObject = {};
    const further: JsonObject[] = [];
    for (const [key, value] of Object.entries(source)) {
      if (key === '$and' || key === '$or' || key === '$nor') rewritten[key] = rewriteList(value);
      else if (key === '$not' && isJsonObject(value)) rewritten[key] = rewrite(value);
      else if (key === '$savedGroup') further.push(groupReference(value));
      else if (isJsonObject(value) && typeof value['$inGroup'] === 'string') {
        const { $inGroup: id, ...others } = value;
        further.push(segment(`${String(id)}.${key}`, () => ({ [key]: { $in: [...valuesOf(id ?? null)] } })));
        if (Object.keys(others).length > 0) further.push({ [key]: rewriteValue(others) });
      } else rewritten[key] = rewriteValue(value);
    }
    return allOf([rewritten, ...further]) ?? {};
  };

  return rewrite;
}
