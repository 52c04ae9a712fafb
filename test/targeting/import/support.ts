import type { RuleInput } from '../../../server/core/document/targeting-fields.ts';
import { plainOf } from '../../../server/core/document/document-tree.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import {
  assignmentsOf,
  explain,
  prepareTargeting,
  type RuleExplanation,
} from '../../../server/core/targeting/evaluate.ts';
import { resolve } from '../../../server/core/targeting/resolve.ts';
import { readTargeting } from '../../../server/core/targeting/targeting.ts';
import { createGrowthBookEngine } from '../../../server/targeting/growthbook-engine.ts';
import { commandsOf, rehearse } from '../../../server/targeting/import/apply-plan.ts';
import type { ImportPlan } from '../../../server/targeting/import/import-plan.ts';

export const engine = createGrowthBookEngine();

const CAMPAIGN = { slug: 'imported', title: 'Imported' };

/** A campaign that a plan was written into, as its viewers see it. */
export interface Imported {
  readonly document: JsonObject;
  see(attributes: JsonObject): { readonly state: JsonObject; readonly explanations: readonly RuleExplanation[] };
}

/** Writes a plan into a new campaign; throws where it would be refused. */
export function imported(plan: ImportPlan): Imported {
  const { state, refusal } = rehearse(CAMPAIGN, commandsOf(plan), engine);
  if (refusal) throw new Error(refusal.message);
  const targeting = readTargeting(state);
  const prepared = targeting && prepareTargeting(targeting, engine);
  return {
    document: state,
    see(attributes) {
      const explanations = prepared ? explain(prepared, attributes, engine) : [];
      return { state: plainOf(resolve(state, targeting, assignmentsOf(explanations))), explanations };
    },
  };
}

/** The rules by which a plan carries a flag, by where their arms write. */
export function rulesAbout(plan: ImportPlan, flag: string): Map<string, RuleInput> {
  return new Map(
    [...plan.rules].filter(([, { arms }]) =>
      Object.values(arms).some(({ change: { features, merge, remove } }) =>
        [
          ...(features?.add ?? []),
          ...(features?.remove ?? []),
          ...Object.keys((merge?.['flags'] as JsonObject | undefined) ?? {}),
          ...(remove ?? []).map(([, name]) => name),
        ].includes(flag),
      ),
    ),
  );
}
