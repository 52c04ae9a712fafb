import { mergePatch } from '../../../server/core/document/merge-patch.ts';
import { BUCKETS, type ArmChange, type RuleInput } from '../../../server/core/document/targeting-fields.ts';
import type { JsonObject } from '../../../server/core/json.ts';
import { armChangeBetween } from '../../../server/core/targeting/arm-change.ts';
import { measureOf, movedShare, type Ranges } from '../../../server/core/targeting/ranges.ts';
import { applyArm, withoutTargeting } from '../../../server/core/targeting/resolve.ts';
import { targetingEffect } from '../../../server/core/targeting/targeting-effect.ts';
import { readTargeting, type KeyedRule } from '../../../server/core/targeting/targeting.ts';
import { plainOf } from '../../../server/core/document/document-tree.ts';
import { asDocument, type CampaignView } from '../document.ts';

export {
  METRIC_TYPES,
  RULE_STATUSES,
  TARGETING_LIMITS,
  TARGETING_NAME_PATTERN,
  TARGETING_NAME_WORDS,
  type Arm,
  type ArmChange,
  type Condition,
  type Guard,
  type HoldoutInput,
  type Metric,
  type RampStep,
  type Rule,
  type RuleGroupInput,
  type RuleInput,
  type RuleStatus,
  type Segment,
} from '../../../server/core/document/targeting-fields.ts';

/** What would come of a rule, were it saved as it is given. */
export interface RulePreview {
  /** Share of all units, from 0 to 1, that would lose the arm that they have, to another one or to none. */
  readonly moved: number;
  /** Share of all units that each arm would have. */
  readonly shares: Readonly<Record<string, number>>;
}

/**
 * Computes who would move if a rule were saved, with the functions of the server: ranges are cut in the same way, with
 * the least movement. The server has the last word on whether the rule may stand (`dryRun`).
 *
 * @param document the campaign as an editor sees it
 * @example previewRule(state, 'price', { ...rule, coverage: 0.5 }).moved // 0: a ramp moves nobody
 */
export function previewRule(document: CampaignView, key: string, rule: RuleInput): RulePreview {
  const before = jsonOf(document);
  const after = mergePatch(before, targetingEffect(before, { type: 'updateRule', key, rule }));
  const [old, next] = [before, after].map((state) => readTargeting(state)?.rules.find((one) => one.key === key));
  const shares = Object.entries(next?.ranges ?? {}).map(([arm, ranges]) => [arm, measureOf(ranges) / BUCKETS] as const);
  return { moved: movedShare(applied(old), applied(next)), shares: Object.fromEntries(shares) };
}

/** Ranges that reach somebody: those of a rule that runs. */
function applied(rule: KeyedRule | undefined): Ranges {
  return rule?.status === 'running' ? rule.ranges : {};
}

/** How the number line of a group is shared out. */
export interface GroupUse {
  /** Share of the line, from 0 to 1, of each rule that has not ended. */
  readonly rules: Readonly<Record<string, number>>;
  /** Share that no rule has claimed. */
  readonly free: number;
}

/**
 * Computes what the rules of a group have claimed of its number line, and what a rule may still claim.
 *
 * @param document the campaign as an editor sees it
 * @example groupUse(state, 'checkout').free // 0.4
 */
export function groupUse(document: CampaignView, group: string): GroupUse {
  const rules = (readTargeting(jsonOf(document))?.rules ?? []).filter(
    (rule) => rule.group === group && rule.status !== 'ended',
  );
  const shares = rules.map(({ key, ranges }) => [key, measureOf(Object.values(ranges).flat()) / BUCKETS] as const);
  const claimed = shares.reduce((sum, [, share]) => sum + share, 0);
  // Buckets are whole; what is left of a sum of their shares is not.
  return { rules: Object.fromEntries(shares), free: Math.max(0, Math.round((1 - claimed) * BUCKETS) / BUCKETS) };
}

/** The document as an arm leaves it, without targeting: what a viewer with that arm alone sees. */
export function documentOfArm(document: CampaignView, change: ArmChange): CampaignView {
  return asDocument(plainOf(applyArm(withoutTargeting(jsonOf(document)), change)));
}

/** The change of an arm that makes one document of another: the inverse of {@link documentOfArm}. */
export function armChange(before: CampaignView, after: CampaignView): ArmChange {
  return armChangeBetween(withoutTargeting(jsonOf(before)), withoutTargeting(jsonOf(after)));
}

/** A document is JSON; its type says `unknown` where it is open. */
function jsonOf(document: CampaignView): JsonObject {
  return document as JsonObject;
}
