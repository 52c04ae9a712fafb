import type { Path } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { Condition, HashVersion } from '../document/targeting-fields.ts';
import type { Targeting } from './targeting.ts';

/**
 * The port of targeting: conditions and hash, which are those of a library that others keep (`server/targeting`). All
 * else, such as who is in which range, is decided by `evaluate.ts`.
 */
export interface TargetingEngine {
  /** What is wrong with a condition by itself; `undefined` where it can be evaluated in bounded time. */
  faultOf(condition: Condition): ConditionFault | undefined;
  /** Size of the regular expressions in a condition, in instructions. */
  expressionSize(condition: Condition): number;
  /** Names of the segments that a condition refers to. */
  segmentsIn(condition: Condition): readonly string[];
  /** Prepares the conditions of a targeting, to be met by many viewers. */
  prepare(targeting: Targeting): PreparedConditions;
  /** The bucket of a unit, from 0 on and below `BUCKETS`. */
  bucketOf(seed: string, unit: string, hashVersion: HashVersion): number;
}

export interface ConditionFault {
  /** Place in the condition. */
  readonly path: Path;
  /** Continues the name of that place. */
  readonly message: string;
}

/** The conditions of one targeting. */
export interface PreparedConditions {
  /** Judges one viewer. What conditions share, segments and regular expressions, is judged once. */
  judge(attributes: JsonObject): ViewerConditions;
}

export interface ViewerConditions {
  /** Whether the viewer meets the condition of that rule; never throws. */
  meets(rule: string): boolean;
  /** Whether the viewer is in that segment; false where there is none of that name. */
  isIn(segment: string): boolean;
}
