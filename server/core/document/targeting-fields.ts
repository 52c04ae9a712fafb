import type { JsonObject } from '../json.ts';

/**
 * The top-level fields that hold targeting: who sees what. They are part of the document, so that they are versioned,
 * live, undone and rolled back like anything else. They are written by commands of their own, and no caller below
 * `editor` ever sees them.
 */
export const TARGETING_FIELDS = ['segments', 'rules', 'groups', 'holdouts'] as const;
export type TargetingField = (typeof TARGETING_FIELDS)[number];

/** Buckets that the units of a rule fall into. Ranges are counted in them. */
export const BUCKETS = 10_000;

/** Limits of targeting in one campaign. */
export const TARGETING_LIMITS = {
  rules: 100,
  /** Arms of one rule. */
  arms: 20,
  segments: 100,
  groups: 100,
  holdouts: 20,
  /** Metrics of one rule. */
  metrics: 20,
  /** Steps of a ramp. */
  rampSteps: 20,
  /** Characters of the name of a rule, an arm, a segment, a group, a holdout or an attribute. */
  nameLength: 64,
  /** Characters of a seed. */
  seedLength: 200,
  /** Levels of objects and arrays in a condition. */
  conditionDepth: 16,
  /**
   * Size of all regular expressions of a campaign together, as compiled, in instructions: about one for a character.
   */
  expressionSize: 2_500,
  /** Characters of one of them. */
  expressionLength: 200,
  /** Bytes of UTF-8 of a viewer's attributes as compact JSON. */
  attributeBytes: 4 * 1024,
  /** Characters of one text in them. */
  attributeLength: 512,
  /** Items of all lists in them. */
  attributeItems: 100,
  /** Levels of objects and lists in them. */
  attributeDepth: 5,
  /** Different outcomes that the live streams of one campaign may have on one instance. */
  cohorts: 1_000,
} as const;

/** The form of the names of rules, arms, segments, groups and holdouts. */
export const TARGETING_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;

/** That form in words, behind the name of a field. */
export const TARGETING_NAME_WORDS =
  'must be 1 to 64 of letters, digits and . _ : -, beginning with a letter or a digit';

/** A condition on a viewer's attributes, in GrowthBook's syntax. It has no `null` members: `$exists` says that. */
export type Condition = JsonObject;

/** A named condition; other conditions refer to it as `{ $savedGroup: { id: name } }`. */
export interface Segment {
  description?: string;
  when: Condition;
}

/** Half-open range of buckets: `[from, to)`. */
export type BucketRange = [from: number, to: number];

/** Versions of GrowthBook's hash; 1 is biased, and for rules that are carried over. */
export type HashVersion = 1 | 2;

/**
 * A number line of buckets, and how a viewer gets a place on it: the value of the attribute `unit` is hashed with the
 * seed. All of it is data, so that no release of the server can move anybody.
 */
export interface NumberLine {
  /** Name of the attribute whose value is hashed. Without a value nobody has a place. */
  unit: string;
  /**
   * Name of an attribute that is hashed in its place wherever a viewer has it, as a device has before a login and
   * after. Who logs in keeps the place of the device, everywhere (`core/targeting/held-places.ts`).
   */
  fallbackUnit?: string;
  seed: string;
  hashVersion: HashVersion;
}

/**
 * What an arm changes in the document: first the merge patch, then what is removed, by path, then the ordered set of
 * features. A stored document has no `null` members, so that what is taken away is named by path.
 */
export interface ArmChange {
  merge?: JsonObject;
  remove?: string[][];
  features?: { add?: string[]; remove?: string[] };
}

export interface Arm {
  description?: string;
  /** Its share among the arms; weights count in relation to each other, whatever their sum. */
  weight: number;
  change: ArmChange;
}

export const RULE_STATUSES = ['draft', 'running', 'paused', 'ended'] as const;

/** A rule applies to somebody only while it is running; until it has ended it keeps its place in its group. */
export type RuleStatus = (typeof RULE_STATUSES)[number];

/**
 * A rule: who gets which arm. One arm at full coverage is the state of a segment, one arm at less is a rollout, several
 * arms are an experiment.
 */
export interface Rule extends NumberLine {
  /** Rules apply in this order, each on the result of those before it; equal ones by name. */
  order: number;
  description?: string;
  status: RuleStatus;
  /** Whom it may reach. Default: everybody. */
  when?: Condition;
  /** Only who is in one of these arms of another rule. */
  requires?: { rule: string; arms: string[] };
  /** Name of the group whose number line it claims a part of, with the group's unit, seed and hash. */
  group?: string;
  /** Whether it reaches those, too, whom a holdout keeps out of all others. */
  ignoresHoldouts?: boolean;
  /** Share of the number line that has an arm, from 0 to 1. */
  coverage: number;
  arms: Record<string, Arm>;
  /** Buckets of each arm. They measure what weights and coverage say, and are re-cut with the least movement. */
  ranges: Record<string, BucketRange[]>;
  /** Counts how often it was started anew: 1 at first. */
  phase: number;
  /** Of an ended rule: the arm that was kept. */
  winner?: string;
  /** What it is measured by, by name. */
  metrics?: Record<string, Metric>;
  /** Steps by which the server raises the coverage while it runs; the last one stays. */
  ramp?: RampStep[];
  /** Metrics that must not get worse, and what the server does where one does. */
  guard?: Guard;
  /** The step of the ramp that it is at, from 0; made by the server. */
  step?: number;
}

export const METRIC_TYPES = ['conversion', 'count', 'sum'] as const;

/** What is measured of a unit: whether it had the goal, how often, or the sum of the goal's values. */
export type MetricType = (typeof METRIC_TYPES)[number];

/** A metric of a rule: what the goals of its units come to after their first exposure. */
export interface Metric {
  /** Name of the goal that is tracked. */
  goal: string;
  type: MetricType;
  /** Which direction is good. */
  better: 'up' | 'down';
  /** What one unit counts at most, so that a few do not decide; for `count` and `sum`. */
  cap?: number;
  /** A goal is what the rule is for; a guardrail is what it must not harm. */
  role: 'goal' | 'guardrail';
}

/** A step of a ramp: its coverage, and for how long or for how many units it holds before the next one. */
export interface RampStep {
  /** From 0 to 1, no less than that of the step before. */
  coverage: number;
  for: { minutes: number } | { units: number };
}

export interface Guard {
  /** Names of metrics of the rule. */
  metrics: string[];
  /** `pause` keeps the rule's place in its group, `rollback` ends the rule; either way nobody has its arms. */
  onRegress: 'pause' | 'rollback';
}

/** A number line that several rules share: none of its buckets belongs to two of them. */
export interface RuleGroup extends NumberLine {
  description?: string;
}

/** A share of units that no rule reaches, but those that say so. */
export interface Holdout extends NumberLine {
  description?: string;
  /** Share of the units, from 0 to 1. */
  share: number;
  ranges: BucketRange[];
}

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/**
 * A rule as an editor gives it. Ranges are cut by the command, seed, hash version and phase have defaults; what is
 * given stands.
 */
export type RuleInput = Optional<Rule, 'seed' | 'hashVersion' | 'phase' | 'ranges'>;
export type RuleGroupInput = Optional<RuleGroup, 'seed' | 'hashVersion'>;
export type HoldoutInput = Optional<Holdout, 'seed' | 'hashVersion' | 'ranges'>;

/** Who looks: what the rules of a campaign are judged by. */
export interface Viewer {
  attributes: JsonObject;
}
