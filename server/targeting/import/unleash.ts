import { z } from 'zod';
import {
  BUCKETS,
  type BucketRange,
  type Condition,
  type RuleInput,
  type RuleStatus,
} from '../../core/document/targeting-fields.ts';
import type { JsonValue } from '../../core/json.ts';
import { createPlanBuilder, type ConditionJudge, type FlagBuilder, type PlanBuilder } from './assemble.ts';
import { allOf, anyOf, NOBODY, not } from './condition-builder.ts';
import type { FlagStep, StepLine } from './flag-track.ts';
import { createNames, NotCarried, type ImportPlan } from './import-plan.ts';
import { conditionOf, isOneOf, unleashConstraint, type UnleashConstraint } from './unleash-constraint.ts';

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const variant = z.object({
  name: z.string(),
  weight: z.number(),
  stickiness: z.string().nullish(),
  payload: z.object({ type: z.string(), value: z.string() }).nullish(),
  overrides: z.array(z.object({ contextName: z.string(), values: z.array(z.string()) })).nullish(),
});
type Variant = z.infer<typeof variant>;

const strategy = z.object({
  name: z.string(),
  title: z.string().nullish(),
  disabled: z.boolean().nullish(),
  parameters: z.record(z.string(), text.nullish()).nullish(),
  constraints: z.array(unleashConstraint).nullish(),
  segments: z.array(z.number()).nullish(),
  variants: z.array(variant).nullish(),
});
type Strategy = z.infer<typeof strategy>;

const dependency = z.object({
  feature: z.string(),
  enabled: z.boolean().nullish(),
  variants: z.array(z.string()).nullish(),
});

const feature = z.object({
  name: z.string(),
  description: z.string().nullish(),
  enabled: z.boolean(),
  strategies: z.array(strategy).nullish(),
  variants: z.array(variant).nullish(),
  dependencies: z.array(dependency).nullish(),
});
type Feature = z.infer<typeof feature>;

/** What an Unleash server tells its SDKs: `GET /api/client/features`. */
const clientFeatures = z.object({
  features: z.array(feature),
  segments: z
    .array(z.object({ id: z.number(), name: z.string().nullish(), constraints: z.array(unleashConstraint).nullish() }))
    .nullish(),
});
type ClientFeatures = z.infer<typeof clientFeatures>;

/** What the export in Unleash's console saves. */
const adminExport = z.object({
  features: z.array(z.object({ name: z.string(), description: z.string().nullish() })),
  featureStrategies: z.array(
    strategy.extend({ featureName: z.string(), environment: z.string().nullish(), sortOrder: z.number().nullish() }),
  ),
  featureEnvironments: z
    .array(
      z.object({
        featureName: z.string(),
        environment: z.string().nullish(),
        enabled: z.boolean(),
        variants: z.array(variant).nullish(),
      }),
    )
    .nullish(),
  dependencies: z.array(z.object({ feature: z.string(), dependencies: z.array(dependency) })).nullish(),
  segments: z.array(z.object({ id: z.number() })).nullish(),
});

/** What a parent flag has come to, for those that depend on it. */
interface Carried {
  readonly enabled: boolean;
  /** Whom it is on for, where conditions alone say so. */
  readonly when?: { readonly condition: Condition | undefined };
  readonly rules: readonly string[];
  readonly variantRules: readonly string[];
  /** The arms of its variants, by their names there. */
  readonly arms: ReadonlyMap<string, string>;
}

/** The name that Unleash gives to having no variant. */
const NO_VARIANT = 'disabled';

/**
 * The plan for an Unleash export: what its server tells SDKs, or what its console exports. The context becomes the
 * attributes: `userId`, `sessionId`, `remoteAddress`, `environment`, `appName`, and the properties beside them.
 *
 * @throws z.ZodError where the file is neither
 */
export function readUnleash(file: unknown, judge: ConditionJudge): ImportPlan {
  const isExport = z.object({ featureStrategies: z.unknown() }).safeParse(file).success;
  const { features, segments } = isExport ? clientFormOf(adminExport.parse(file)) : clientFeatures.parse(file);
  const plan = createPlanBuilder(judge);
  const segmentOf = createSegments(plan, segments ?? []);
  const carried = new Map<string, Carried>();
  const hasParents = ({ dependencies }: Feature): boolean => (dependencies?.length ?? 0) > 0;
  // A flag that depends on another stands behind it; one that others depend on may not depend itself.
  for (const each of [...features.filter((one) => !hasParents(one)), ...features.filter(hasParents)]) {
    plan.flag(each.name, (flag) => {
      const parents = dependenciesOf(each, carried, features);
      carried.set(each.name, carryFeature(each, parents, flag, segmentOf));
    });
  }
  return plan.plan();
}

/** The condition of a segment of the file, made when a strategy that is carried first refers to it. */
type SegmentLookup = (id: number) => Condition;

function createSegments(plan: PlanBuilder, segments: NonNullable<ClientFeatures['segments']>): SegmentLookup {
  const byId = new Map(segments.map((segment) => [segment.id, segment]));
  const names = new Map<number, string>();
  return (id) => {
    const found = byId.get(id);
    if (!found?.constraints) throw new NotCarried(`refers to the segment ${id}, whose constraints are not in the file`);
    let name = names.get(id);
    if (name === undefined) {
      const when = allOf(found.constraints.map(conditionOf)) ?? {};
      name = plan.segment(found.name ?? `segment-${id}`, { when });
      names.set(id, name);
    }
    return { $savedGroup: { id: name } };
  };
}

interface Parents {
  readonly when: Condition | undefined;
  readonly requires: RuleInput['requires'] | undefined;
}

function dependenciesOf(
  { dependencies }: Feature,
  carried: ReadonlyMap<string, Carried>,
  features: readonly Feature[],
): Parents {
  const conditions: (Condition | undefined)[] = [];
  let requires: RuleInput['requires'] | undefined;
  for (const { feature: name, enabled, variants } of dependencies ?? []) {
    const parent = carried.get(name);
    if (!parent) throw new NotCarried(`depends on ${name}, which is not carried over`);
    const isParentDependent = features.some((one) => one.name === name && (one.dependencies?.length ?? 0) > 0);
    if (isParentDependent) throw new NotCarried(`depends on ${name}, which depends on another flag itself`);
    const asksVariant = enabled !== false && (variants?.length ?? 0) > 0;
    const [rule, ...others] = asksVariant ? parent.variantRules : parent.rules;
    const arms = asksVariant ? (variants ?? []).flatMap((one) => parent.arms.get(one) ?? []) : ['on'];
    if (asksVariant && variants?.includes(NO_VARIANT)) throw new NotCarried(`wants ${name} to have no variant`);
    if (asksVariant && arms.length === 0) conditions.push(NOBODY);
    else if (enabled === false) {
      if (!parent.when) throw new NotCarried(`wants ${name} to be off, which is on for a share of people`);
      if (parent.enabled) conditions.push(not(parent.when.condition));
    } else if (rule !== undefined && others.length === 0 && !requires) {
      requires = { rule, arms };
    } else if (parent.when && parent.enabled && !asksVariant) conditions.push(parent.when.condition);
    else throw new NotCarried(`depends on ${name} in a way for which there is no rule`);
  }
  return { when: allOf(conditions), requires };
}

const SEED_PREFIX = { rollout: 'unleash:', variant: 'unleash-variant:' } as const;

function carryFeature(feature: Feature, parents: Parents, flag: FlagBuilder, segmentOf: SegmentLookup): Carried {
  const { name, enabled } = feature;
  const status: RuleStatus = enabled ? 'running' : 'paused';
  const description = feature.description ?? undefined;
  const strategies = (feature.strategies ?? []).filter(({ disabled }) => disabled !== true);
  const all = strategies.length > 0 ? strategies : [{ name: 'default' }];
  const parts = all.map((one) => strategyOf(one, feature, parents, flag, segmentOf));
  const steps = parts.map(({ when, line, percentage }, index): FlagStep => {
    const key = all.length === 1 ? name : `${name}.${index + 1}`;
    const title = all[index]?.title ?? description;
    const buckets = percentage * (BUCKETS / 100);
    const range: BucketRange = [0, buckets];
    const arm = { name: 'on', value: true, weight: 1, ...(line && { ranges: buckets > 0 ? [range] : [] }) };
    const base = { key, description: title, when, requires: parents.requires, coverage: line ? buckets / BUCKETS : 1 };
    return { ...base, arms: [arm], ...(line && { line }) };
  });
  const keys = flag.track({ kind: 'feature', name, base: undefined, status, steps });
  if (parts.some(({ line }) => line))
    flag.note('keeps its shares, but who belongs to a share is drawn anew: the services hash differently');

  const armOf = createArmNames();
  const variantSteps = variantStepsOf(feature, all, steps, keys, flag, armOf);
  const variantKeys =
    variantSteps.length === 0 ? [] : flag.track({ kind: 'value', name, base: undefined, status, steps: variantSteps });
  // Of strategies that nobody reaches there are no rules.
  const reachedArms = new Set(
    variantSteps.flatMap(({ arms }, index) => (variantKeys[index] === undefined ? [] : arms.map((arm) => arm.name))),
  );
  const isByConditions = parts.every(({ line }) => !line) && !parents.requires;
  return {
    enabled,
    ...(isByConditions && { when: { condition: anyOf(parts.map(({ when }) => when)) } }),
    rules: [...new Set(keys.filter((key) => key !== undefined))],
    variantRules: [...new Set(variantKeys.filter((key) => key !== undefined))],
    arms: new Map([...armOf.known].filter(([, arm]) => reachedArms.has(arm))),
  };
}

interface StrategyParts {
  readonly when: Condition | undefined;
  /** Where a share of people is drawn. */
  readonly line?: StepLine;
  /** Of the people whom it is about, as a whole number. */
  readonly percentage: number;
}

function strategyOf(
  strategy: Strategy,
  feature: Feature,
  parents: Parents,
  flag: FlagBuilder,
  segmentOf: SegmentLookup,
): StrategyParts {
  const constraints: UnleashConstraint[] = strategy.constraints ?? [];
  const parameters = strategy.parameters ?? {};
  const own = allOf([parents.when, ...constraints.map(conditionOf), ...(strategy.segments ?? []).map(segmentOf)]);
  const groupId = parameters['groupId'] || feature.name;
  switch (strategy.name) {
    case 'default':
      return { when: own, percentage: 100 };
    case 'userWithId':
      return { when: allOf([own, isOneOf('userId', listOf(parameters['userIds']))]), percentage: 100 };
    case 'remoteAddress': {
      const addresses = listOf(parameters['IPs']);
      if (addresses.some((address) => address.includes('/')))
        throw new NotCarried('names networks in the strategy remoteAddress; conditions know single addresses alone');
      return { when: allOf([own, isOneOf('remoteAddress', addresses)]), percentage: 100 };
    }
    case 'gradualRolloutUserId':
      return shareOf(own, parameters['percentage'], 'userId', groupId, flag);
    case 'gradualRolloutSessionId':
      return shareOf(own, parameters['percentage'], 'sessionId', groupId, flag);
    case 'gradualRolloutRandom':
      return shareOf(own, parameters['percentage'], 'random', groupId, flag);
    case 'flexibleRollout':
      return shareOf(own, parameters['rollout'], parameters['stickiness'] || 'default', groupId, flag);
    default:
      throw new NotCarried(`has the strategy ${JSON.stringify(strategy.name)}, which is not one of Unleash's own`);
  }
}

function shareOf(
  own: Condition | undefined,
  given: string | null | undefined,
  stickiness: string,
  groupId: string,
  flag: FlagBuilder,
): StrategyParts {
  const share = Number(given);
  const percentage = Number.isFinite(share) ? Math.floor(Math.min(100, Math.max(0, share))) : 0;
  if (percentage === 100) {
    // Who has no id has a random one there, and is in as everybody is.
    const when = stickiness === 'default' || stickiness === 'random' ? own : allOf([own, hasText(stickiness)]);
    return { when, percentage };
  }
  if (percentage > 0 && stickiness === 'random')
    throw new NotCarried('draws people at random each time; here nobody is, so that what one sees stays');
  return { when: own, line: lineOf(stickiness, `${SEED_PREFIX.rollout}${groupId}`, flag), percentage };
}

/** The number line of a stickiness. With `default` the user counts where there is one, and otherwise the session. */
function lineOf(stickiness: string, seed: string, flag: FlagBuilder): StepLine {
  if (stickiness === 'random') return { unit: 'userId', seed };
  if (stickiness !== 'default') return { unit: stickiness, seed };
  flag.note('draws those without userId and sessionId at random; here they are left as they are');
  return { unit: 'sessionId', fallbackUnit: 'userId', seed };
}

function hasText(attribute: string): Condition {
  return { [attribute]: { $exists: true, $ne: '' } };
}

function listOf(value: string | null | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** The arm of a variant: its name, where an arm can have it. */
interface ArmNames {
  (variant: string): string;
  readonly known: ReadonlyMap<string, string>;
}

function createArmNames(): ArmNames {
  const claim = createNames();
  const known = new Map<string, string>();
  const armOf = (variant: string): string => {
    const arm = known.get(variant) ?? claim(variant);
    known.set(variant, arm);
    return arm;
  };
  return Object.assign(armOf, { known });
}

/**
 * The steps of a flag's variants. They are rules of their own beside those that switch it on, because Unleash draws
 * a variant independently of the share, by another attribute if it is told to, and one without a variant is on as well.
 */
function variantStepsOf(
  feature: Feature,
  strategies: readonly Strategy[],
  steps: readonly FlagStep[],
  keys: readonly (string | undefined)[],
  flag: FlagBuilder,
  armOf: ArmNames,
): FlagStep[] {
  // Variants that weigh nothing are as good as none; then those of the flag count.
  const lists = strategies.map(({ variants }) => (weigh(variants) ? (variants ?? []) : (feature.variants ?? [])));
  if (lists.every((variants) => variants.length === 0)) return [];
  return lists.flatMap((variants, index): FlagStep[] => {
    const step = steps[index];
    const rule = keys[index];
    // Nobody reaches that strategy.
    if (!step || rule === undefined) return [];
    const isOwn = weigh(strategies[index]?.variants);
    const groupId = (isOwn ? strategies[index]?.parameters?.['groupId'] : undefined) || feature.name;
    const stickiness =
      variants[0]?.stickiness || (isOwn ? strategies[index]?.parameters?.['stickiness'] : undefined) || 'default';
    const reached = step.line
      ? { when: undefined, requires: { rule, arms: ['on'] } }
      : { when: step.when, requires: step.requires };
    const base = { ...reached, key: `${step.key}.variant`, coverage: 1 };
    const weighty = variants.filter(({ weight }) => weight > 0);
    if (weighty.length === 0) return [{ ...base, arms: [{ name: 'none', value: undefined, weight: 1 }] }];
    const overrides = overrideSteps(variants, base, armOf);
    const arms = weighty.map((one) => ({ name: armOf(one.name), value: payloadOf(one), weight: one.weight }));
    const [only, ...others] = arms;
    if (only && others.length === 0) return [...overrides, { ...base, arms: [{ ...only, weight: 1 }] }];
    if (stickiness === 'random') throw new NotCarried('draws variants at random each time');
    flag.note('keeps the weights of its variants, but who has which is drawn anew: the services hash differently');
    return [...overrides, { ...base, arms, line: lineOf(stickiness, `${SEED_PREFIX.variant}${groupId}`, flag) }];
  });
}

function weigh(variants: readonly Variant[] | null | undefined): boolean {
  return (variants ?? []).some(({ weight }) => weight > 0);
}

function overrideSteps(variants: readonly Variant[], base: Omit<FlagStep, 'arms'>, armOf: ArmNames): FlagStep[] {
  return variants.flatMap((one): FlagStep[] => {
    if (!one.overrides?.length) return [];
    const chosen = anyOf(one.overrides.map(({ contextName, values }) => isOneOf(contextName, values)));
    const arm = { name: armOf(one.name), value: payloadOf(one), weight: 1 };
    return [{ ...base, key: `${base.key}.${one.name}`, when: allOf([base.when, chosen]), arms: [arm] }];
  });
}

/** The value of a variant: its payload, and without one its name. */
function payloadOf({ name, payload }: Variant): JsonValue {
  if (!payload) return name;
  const { type, value } = payload;
  if (type === 'number' && value !== '' && Number.isFinite(Number(value))) return Number(value);
  if (type !== 'json') return value;
  try {
    // JSON by definition.
    return JSON.parse(value) as JsonValue;
  } catch {
    throw new NotCarried(`has a variant ${name} whose payload is not JSON`);
  }
}

/** The console's export as SDKs would be told it. */
function clientFormOf(file: z.infer<typeof adminExport>): ClientFeatures {
  const environments = new Set([
    ...file.featureStrategies.map(({ environment }) => environment ?? ''),
    ...(file.featureEnvironments ?? []).map(({ environment }) => environment ?? ''),
  ]);
  if (environments.size > 1) {
    const message = `must be of one environment; it holds ${[...environments].join(', ')}`;
    throw new z.ZodError([{ code: 'custom', message, path: ['featureEnvironments'], input: undefined }]);
  }
  const features = file.features.map(({ name, description }): Feature => {
    const environment = file.featureEnvironments?.find(({ featureName }) => featureName === name);
    const strategies = file.featureStrategies
      .filter(({ featureName }) => featureName === name)
      .sort((a, b) => (a.sortOrder ?? 0) - (b.sortOrder ?? 0));
    const dependencies = file.dependencies?.find((one) => one.feature === name)?.dependencies ?? [];
    const variants = environment?.variants ?? [];
    return { name, description, enabled: environment?.enabled ?? false, strategies, variants, dependencies };
  });
  return { features, segments: [] };
}
