import type { Condition, RuleInput, Segment } from '../../core/document/targeting-fields.ts';
import type { JsonObject } from '../../core/json.ts';
import type { TargetingEngine } from '../../core/targeting/evaluator.ts';
import { rulesOf, type FlagTrack } from './flag-track.ts';
import { createNames, NotCarried, type ImportFinding, type ImportPlan } from './import-plan.ts';

/** What is asked of the engine: whether a condition can be evaluated in bounded time. */
export type ConditionJudge = Pick<TargetingEngine, 'faultOf' | 'segmentsIn'>;

/** A plan in the making, flag by flag. */
export interface PlanBuilder {
  /**
   * Carries one flag. What is said inside, and what is added, stands only if all of it can be carried.
   *
   * @returns whether it was
   */
  flag(name: string, carry: (flag: FlagBuilder) => void): boolean;
  /** Adds a segment under this name, or a similar one. */
  segment(name: string, segment: Segment): string;
  plan(): ImportPlan;
}

export interface FlagBuilder {
  /** @returns the key of the rule of each step; `undefined` for a step that nobody reaches */
  track(track: FlagTrack): (string | undefined)[];
  note(message: string): void;
}

export function createPlanBuilder(judge: ConditionJudge): PlanBuilder {
  const features: string[] = [];
  const values: JsonObject = {};
  const segments: Record<string, Segment> = {};
  const rules = new Map<string, RuleInput>();
  const flags: string[] = [];
  const notes: ImportFinding[] = [];
  const leftOut: ImportFinding[] = [];
  const nameSegment = createNames();
  let order = 0;

  function refuseCondition(when: Condition): void {
    const fault = judge.faultOf(when);
    if (fault) throw new NotCarried(`has a condition that cannot be kept: ${fault.path.join('.')} ${fault.message}`);
    const missing = judge.segmentsIn(when).find((name) => !Object.hasOwn(segments, name));
    if (missing !== undefined) throw new NotCarried(`refers to the group ${missing}, which is not in the file`);
  }

  return {
    flag(name, carry) {
      const added: FlagTrack[] = [];
      const own = new Map<string, RuleInput>();
      const said: string[] = [];
      const before = order;
      const claimName = createNames(rules.keys());
      try {
        if (['__proto__', 'constructor', 'prototype'].includes(name))
          throw new NotCarried('has a name that no member can have');
        carry({
          track(track) {
            const made = rulesOf(track, () => (order += 1), claimName);
            for (const [key, rule] of made.rules) {
              if (rule.when) refuseCondition(rule.when);
              own.set(key, rule);
            }
            added.push(track);
            return made.keys;
          },
          note: (message) => void said.push(message),
        });
      } catch (error) {
        if (!(error instanceof NotCarried)) throw error;
        order = before;
        leftOut.push({ flag: name, message: error.message });
        return false;
      }
      for (const [key, rule] of own) rules.set(key, rule);
      for (const { kind, base } of added) {
        if (kind === 'feature' && base === true) features.push(name);
        if (kind === 'value' && base !== undefined) values[name] = base;
      }
      flags.push(name);
      notes.push(...[...new Set(said)].map((message) => ({ flag: name, message })));
      return true;
    },
    segment(name, segment) {
      refuseCondition(segment.when);
      const key = nameSegment(name);
      segments[key] = segment;
      return key;
    },
    plan: () => ({ features, values, segments, rules, flags, notes, leftOut }),
  };
}
