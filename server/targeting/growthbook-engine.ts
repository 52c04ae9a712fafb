import { evalCondition, GrowthBookClient } from '@growthbook/growthbook';
import { BUCKETS, TARGETING_LIMITS, type Condition } from '../core/document/targeting-fields.ts';
import type { JsonObject } from '../core/json.ts';
import type { PreparedConditions, TargetingEngine, ViewerConditions } from '../core/targeting/evaluator.ts';
import type { Targeting } from '../core/targeting/targeting.ts';
import {
  compileCondition,
  expressionSizeOf,
  faultOfCondition,
  segmentsIn,
  type CompiledCondition,
  type Fact,
} from './condition.ts';

/**
 * The targeting engine over GrowthBook's own library: its condition language and its hash, so that what is carried over
 * from there, or computed by one of its SDKs, comes to the same. Nothing that the library keeps grows: it is given no
 * callbacks, no regular expressions, and a new user for each call.
 *
 * @example createGrowthBookEngine().bucketOf('summer/price/1', 'user-7', 2) // 5252, for instance
 */
export function createGrowthBookEngine(): TargetingEngine {
  const client = new GrowthBookClient({});

  return {
    faultOf: faultOfCondition,
    expressionSize: expressionSizeOf,
    segmentsIn,
    prepare: prepareConditions,
    bucketOf(seed, unit, hashVersion) {
      // The library's hash is not exported; the result of an experiment over the whole line tells the bucket.
      const { bucket = 0 } = client.runInlineExperiment(
        {
          // A key is read as the seed where that is empty.
          key: seed === '' ? '' : 'line',
          seed,
          hashVersion,
          hashAttribute: 'unit',
          variations: [0, 1],
          ranges: [
            [0, 1],
            [1, 1],
          ],
        },
        { attributes: { unit } },
      );
      return Math.round(bucket * BUCKETS);
    },
  };
}

/** A condition that nobody meets, in the place of one that cannot be compiled. */
const NEVER: CompiledCondition = { condition: { $or: [{ $not: {} }] }, facts: new Map() };

function compiled(condition: Condition): CompiledCondition {
  try {
    return faultOfCondition(condition) ? NEVER : compileCondition(condition);
  } catch {
    return NEVER;
  }
}

function prepareConditions({ rules, segments }: Targeting): PreparedConditions {
  const ruleConditions = new Map(rules.flatMap(({ key, when }) => (when ? [[key, compiled(when)] as const] : [])));
  const segmentConditions = new Map([...segments].map(([name, { when }]) => [name, compiled(when)] as const));

  return {
    judge(attributes): ViewerConditions {
      /** What was found of each segment; one that is being judged holds nobody, should it refer to itself. */
      const membership = new Map<string, boolean | 'no text'>();

      const memberOf = (name: string): boolean => {
        const condition = segmentConditions.get(name);
        let found = membership.get(name);
        if (found === undefined) {
          membership.set(name, false);
          found = 'no text';
          try {
            found = condition !== undefined && holds(condition);
          } finally {
            membership.set(name, found);
          }
        }
        // As the library does where it comes to it again.
        if (found === 'no text') throw new TypeError(`the attributes that ${name} is about cannot be compared`);
        return found;
      };

      const answer = (fact: Fact): boolean => {
        if (fact.kind === 'segment') return memberOf(fact.name);
        const text = textAt(attributes, fact.path);
        return text !== undefined && fact.expression.test(text);
      };

      /** @throws TypeError where attributes cannot be made text, such as `{ toString: 1 }` */
      const holds = ({ condition, facts }: CompiledCondition): boolean => {
        if (facts.size === 0) return evalCondition(attributes, condition);
        const subject = { ...attributes };
        // Answered when the library asks, which may be never.
        for (const [name, fact] of facts)
          Object.defineProperty(subject, name, { get: () => answer(fact), enumerable: true });
        return evalCondition(subject, condition);
      };

      /** What throws meets nothing. */
      const surely = (judge: () => boolean): boolean => {
        try {
          return judge();
        } catch {
          return false;
        }
      };

      return {
        isIn: (segment) => surely(() => memberOf(segment)),
        meets(rule) {
          const condition = ruleConditions.get(rule);
          return condition !== undefined && surely(() => holds(condition));
        },
      };
    },
  };
}

/**
 * What stands at a path of the attributes, as the library reads it, as text: `null` where there is nothing, `undefined`
 * where it cannot be made text. Cut, so that the work of a match is bounded: a text in attributes is never longer.
 */
function textAt(attributes: JsonObject, path: string): string | undefined {
  let current: unknown = attributes;
  for (const step of path.split('.')) {
    const isThere: boolean = typeof current === 'object' && current !== null && step in current;
    // What `in` has just found there.
    current = isThere ? (current as Readonly<Record<string, unknown>>)[step] : null;
    if (!isThere) break;
  }
  try {
    return String(current).slice(0, TARGETING_LIMITS.attributeLength);
  } catch {
    return undefined;
  }
}
