import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Condition } from '@campaign-state/client/targeting';
import { sayCondition } from './condition.ts';
import { ConditionBuilder } from './ConditionBuilder.tsx';
import { useSegmentDraft } from './drafts.ts';
import { NamedCard } from './NamedCard.tsx';

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
  const save = trpc.campaign.updateSegment.useMutation();
  const when = draft ? draft.when : stored?.when;
  return (
    <NamedCard
      kind="segment"
      name={name}
      what={sayCondition(when)}
      isChanged={draft !== undefined || stored === undefined}
      isStored={stored !== undefined}
      isOpenAtFirst={isOpenAtFirst}
      readOnly={readOnly}
      saving={save}
      canSave={when !== undefined}
      removal="Rules that name it have to be changed first."
      save={() =>
        save.mutate(
          { campaignId, key: name, segment: { ...stored, when: when ?? {} } },
          { onSuccess: () => setDraft((latest) => (latest === draft ? undefined : latest)) },
        )
      }
      discard={() => {
        save.reset();
        setDraft(undefined);
        if (!stored) removed();
      }}
      remove={() => save.mutateAsync({ campaignId, key: name, segment: null }).then(removed)}
    >
      <ConditionBuilder
        label="Who is in it"
        condition={when}
        segments={others}
        change={(next) => setDraft({ when: next })}
      />
    </NamedCard>
  );
}
