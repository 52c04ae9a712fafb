import { z } from 'zod';
import type { JsonObject, JsonValue } from '../json.ts';
import { LIMITS } from '../limits.ts';
import {
  BUCKETS,
  METRIC_TYPES,
  RULE_STATUSES,
  TARGETING_LIMITS,
  TARGETING_NAME_PATTERN,
  TARGETING_NAME_WORDS,
  type Arm,
  type ArmChange,
  type Guard,
  type Holdout,
  type HoldoutInput,
  type Metric,
  type RampStep,
  type Rule,
  type RuleGroup,
  type RuleGroupInput,
  type RuleInput,
  type Segment,
} from './targeting-fields.ts';

/*
 * The shapes of segments, rules, groups and holdouts. What they say together is checked by
 * `targeting/check-targeting.ts`: names, numbers, references, ranges, conditions.
 */

// What reaches these schemas has passed `cleanJson`.
const anyObject: z.ZodType<JsonObject> = z.record(z.string(), z.any() as z.ZodType<JsonValue>);

/** The name of a rule, an arm, a segment, a group or a holdout. */
export const targetingName = z.string().regex(TARGETING_NAME_PATTERN, TARGETING_NAME_WORDS);

const description = z.string().max(LIMITS.commentLength).exactOptional();
const share = z.number().min(0).max(1);
const attribute = z.string().min(1).max(TARGETING_LIMITS.nameLength);

const bucket = z.int().min(0).max(BUCKETS);
const ranges = z.array(z.tuple([bucket, bucket])).max(BUCKETS);

const line = {
  unit: attribute,
  fallbackUnit: attribute.exactOptional(),
  seed: z.string().min(1).max(TARGETING_LIMITS.seedLength),
  hashVersion: z.union([z.literal(1), z.literal(2)], 'must be 1 or 2'),
};

const setItem = z.string().max(LIMITS.setItemLength);
const setItems = z.array(setItem).max(LIMITS.setItems).exactOptional();

const armChange: z.ZodType<ArmChange> = z.object({
  merge: anyObject.exactOptional(),
  remove: z.array(z.array(z.string()).min(1).max(LIMITS.depth)).max(100).exactOptional(),
  features: z.object({ add: setItems, remove: setItems }).exactOptional(),
});

const arm: z.ZodType<Arm> = z.object({ description, weight: z.number().min(0).max(1e9), change: armChange });

const metric: z.ZodType<Metric> = z.object({
  goal: targetingName,
  type: z.enum(METRIC_TYPES),
  better: z.enum(['up', 'down']),
  cap: z.number().positive().max(1e9).exactOptional(),
  role: z.enum(['goal', 'guardrail']),
});

const minutes = z.number().positive().max(527_040);
const units = z.int().min(1).max(1e9);
const rampStep: z.ZodType<RampStep> = z.object({
  coverage: share,
  for: z.union([z.object({ minutes }), z.object({ units })], 'must be { minutes } or { units }'),
});

const guard: z.ZodType<Guard> = z.object({
  metrics: z.array(targetingName).min(1).max(TARGETING_LIMITS.metrics),
  onRegress: z.enum(['pause', 'rollback']),
});

const ruleFields = {
  ...line,
  order: z.number(),
  description,
  status: z.enum(RULE_STATUSES),
  when: anyObject.exactOptional(),
  requires: z
    .object({ rule: targetingName, arms: z.array(targetingName).min(1).max(TARGETING_LIMITS.arms) })
    .exactOptional(),
  group: targetingName.exactOptional(),
  ignoresHoldouts: z.boolean().exactOptional(),
  coverage: share,
  arms: z.record(z.string(), arm),
  ranges: z.record(z.string(), ranges),
  phase: z.int().min(1),
  winner: targetingName.exactOptional(),
  metrics: z.record(z.string(), metric).exactOptional(),
  ramp: z.array(rampStep).min(1).max(TARGETING_LIMITS.rampSteps).exactOptional(),
  guard: guard.exactOptional(),
  step: z.int().min(0).exactOptional(),
};

const holdoutFields = { ...line, description, share, ranges };

const rule: z.ZodType<Rule> = z.object(ruleFields);
const segment: z.ZodType<Segment> = z.object({ description, when: anyObject });
const group: z.ZodType<RuleGroup> = z.object({ ...line, description });
const holdout: z.ZodType<Holdout> = z.object(holdoutFields);

/** The schemas of the four fields, for `check`. */
export const TARGETING_SCHEMAS = {
  segments: z.record(z.string(), segment),
  rules: z.record(z.string(), rule),
  groups: z.record(z.string(), group),
  holdouts: z.record(z.string(), holdout),
};

const generated = { seed: line.seed.exactOptional(), hashVersion: line.hashVersion.exactOptional() };

/** What editors give: the same, with what the commands make themselves left out. */
export const segmentInput = segment;
export const ruleInput: z.ZodType<RuleInput> = z.object({
  ...ruleFields,
  ...generated,
  ranges: ruleFields.ranges.exactOptional(),
  phase: ruleFields.phase.exactOptional(),
});
export const groupInput: z.ZodType<RuleGroupInput> = z.object({ ...line, ...generated, description });
export const holdoutInput: z.ZodType<HoldoutInput> = z.object({
  ...holdoutFields,
  ...generated,
  ranges: ranges.exactOptional(),
});
