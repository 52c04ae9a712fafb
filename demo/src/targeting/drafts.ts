import type { Condition, HoldoutInput, Rule, RuleGroupInput, RuleInput } from '@campaign-state/client/targeting';
import { createDrafts, type Drafts } from '../drafts.ts';

/** Something with a name that is being edited: nobody is shown anything else before it is saved. */
export interface NamedDraft<T> {
  readonly value: T;
  /** As it stood when the draft was begun, as JSON; `undefined`: it was not there. */
  readonly base: string | undefined;
}

export type NamedDrafts<T> = Drafts<NamedDraft<T>>;

/** A segment as its form has it: without a condition until there is a complete one. */
export interface SegmentInput {
  readonly when?: Condition | undefined;
}

export const { useDraft: useRuleDraft, useNames: useRuleDrafts } = createDrafts<NamedDraft<RuleInput>>();
export const { useDraft: useSegmentDraft, useNames: useSegmentDrafts } = createDrafts<NamedDraft<SegmentInput>>();
export const { useDraft: useGroupDraft, useNames: useGroupDrafts } = createDrafts<NamedDraft<RuleGroupInput>>();
export const { useDraft: useHoldoutDraft, useNames: useHoldoutDrafts } = createDrafts<NamedDraft<HoldoutInput>>();

/** A stored rule as a form has it: ranges are cut by the server, and the step of a ramp is its own. */
export function inputOf(stored: object): RuleInput {
  // A rule of the document is read-only in type; JSON makes a copy of one's own.
  const rule: Rule = JSON.parse(JSON.stringify(stored));
  const { ranges: _cut, step: _step, winner, ...input } = rule;
  return { ...input, ...(winner !== undefined && input.status === 'ended' && { winner }) };
}
