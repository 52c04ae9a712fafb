import { useState } from 'react';
import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Condition } from '@campaign-state/client/targeting';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { sayCondition } from './condition.ts';
import { ConditionBuilder } from './ConditionBuilder.tsx';
import { useSegmentDraft } from './drafts.ts';

/** One segment: a condition with a name, for the rules. */
export function SegmentCard({
  name,
  stored,
  isOpenAtFirst,
  readOnly,
  removed,
}: {
  name: string;
  /** As it stands; `undefined` for one that is not saved yet. */
  stored: { readonly when: Condition } | undefined;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  removed: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const others = Object.keys(useCampaign((all) => all.segments) ?? {}).filter((other) => other !== name);
  const [draft, setDraft] = useSegmentDraft(campaignId, name);
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const save = trpc.campaign.updateSegment.useMutation();
  const when = draft ? draft.when : stored?.when;
  const isChanged = draft !== undefined || stored === undefined;
  return (
    <details className="section" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className="section-name" dir="auto">
          {name}
        </span>
        {isChanged ? (
          <span className="section-draft">not saved</span>
        ) : (
          <span className="section-what">{sayCondition(when)}</span>
        )}
      </summary>
      {isOpen && (
        <fieldset className="fields" disabled={readOnly}>
          <form
            className="rule-form"
            onSubmit={(event) => {
              event.preventDefault();
              save.mutate(
                { campaignId, key: name, segment: { ...stored, when: when ?? {} } },
                { onSuccess: () => setDraft(undefined) },
              );
            }}
          >
            <ConditionBuilder
              label="Who is in it"
              condition={when}
              segments={others}
              change={(next) => setDraft({ when: next })}
            />
            {save.isError && (
              <p className="field-error" role="alert">
                {sayRefusal(save.error, 'The segment')}
              </p>
            )}
            <p className="section-buttons">
              <button type="submit" className="primary" disabled={!isChanged || when === undefined || save.isPending}>
                {save.isPending ? 'Saving…' : 'Save'}
              </button>
              {isChanged && (
                <button
                  type="button"
                  onClick={() => {
                    setDraft(undefined);
                    if (!stored) removed();
                  }}
                >
                  Discard
                </button>
              )}
              {stored && (
                <ConfirmButton
                  open="Remove…"
                  title={`Remove the segment “${name}”?`}
                  effect="Rules that name it have to be changed first."
                  go="Remove it"
                  run={() => save.mutateAsync({ campaignId, key: name, segment: null }).then(removed)}
                />
              )}
            </p>
          </form>
        </fieldset>
      )}
    </details>
  );
}
