import type { Condition, HoldoutInput, Rule, RuleGroupInput, RuleInput } from '@campaign-state/client/targeting';
import { createDrafts } from '../drafts.ts';

/** A rule that is being edited: nobody is shown anything else before it is saved. */
export interface RuleDraft {
  readonly rule: RuleInput;
  /** The rule as it was when it was begun, as JSON; `undefined`: there was none. */
  readonly base: string | undefined;
}

export const { useDraft: useRuleDraft, useNames: useRuleDrafts } = createDrafts<RuleDraft>();

/** A segment that is being edited. */
export interface SegmentDraft {
  readonly when: Condition | undefined;
}

export const { useDraft: useSegmentDraft, useNames: useSegmentDrafts } = createDrafts<SegmentDraft>();

export const { useDraft: useGroupDraft, useNames: useGroupDrafts } = createDrafts<RuleGroupInput>();
export const { useDraft: useHoldoutDraft, useNames: useHoldoutDrafts } = createDrafts<HoldoutInput>();

/** A stored rule as a form has it: ranges are cut by the server, and the step of a ramp is its own. */
export function inputOf(stored: object): RuleInput {
  // A rule of the document is read-only in type; JSON makes a copy of one's own.
  const rule: Rule = JSON.parse(JSON.stringify(stored));
  const { ranges: _cut, step: _step, winner, ...input } = rule;
  return { ...input, ...(winner !== undefined && input.status === 'ended' && { winner }) };
}
