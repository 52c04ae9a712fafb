import { useState } from 'react';
import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import type { RuleInput } from '@campaign-state/client/targeting';
import { ArmFigures } from '../results/ArmFigures.tsx';
import { sayCondition } from './condition.ts';
import { inputOf, useRuleDraft } from './drafts.ts';
import { RuleForm } from './RuleForm.tsx';
import { sayShare } from './reach/weights.ts';
import { useNamedDraft } from './use-named-draft.ts';

/** One rule: what it is in a line, everything of it when it is opened. */
export function RuleCard({
  name,
  stored,
  first,
  isOpenAtFirst,
  readOnly,
  removed,
}: {
  name: string;
  /** As it stands in the document; `undefined` for one that is not saved yet. */
  stored: object | undefined;
  /** What a new one begins with. */
  first: RuleInput;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  removed: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const save = trpc.campaign.updateRule.useMutation();
  const edited = useNamedDraft({
    useDraft: useRuleDraft,
    name,
    stored: stored && inputOf(stored),
    first,
    send: (rule: RuleInput | null) => save.mutateAsync({ campaignId, key: name, rule }),
    reset: save.reset,
    removed,
  });
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const rule = edited.value;
  return (
    <>
      <details className="section rule" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="section-name" dir="auto">
            {name}
          </span>
          <span className="rule-status" data-status={rule.status}>
            {rule.status}
          </span>
          {edited.isChanged ? (
            <span className="section-draft">not saved</span>
          ) : (
            <span className="section-what">
              {sayShare(rule.coverage)} · {sayCondition(rule.when)} · {Object.keys(rule.arms).join(', ')}
            </span>
          )}
        </summary>
        {isOpen && (
          <fieldset className="fields" disabled={readOnly}>
            <RuleForm name={name} edited={edited} isStored={stored !== undefined} saving={save} />
          </fieldset>
        )}
      </details>
      {!edited.isChanged && rule.status !== 'draft' && <ArmFigures rule={name} />}
    </>
  );
}
