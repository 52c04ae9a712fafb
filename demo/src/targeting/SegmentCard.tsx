import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { Condition } from '@campaign-state/client/targeting';
import { sayCondition } from './condition.ts';
import { ConditionBuilder } from './ConditionBuilder.tsx';
import { useSegmentDraft, type SegmentInput } from './drafts.ts';
import { NamedCard } from './NamedCard.tsx';
import { useNamedDraft } from './use-named-draft.ts';

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
  const save = trpc.campaign.updateSegment.useMutation();
  const edited = useNamedDraft({
    useDraft: useSegmentDraft,
    name,
    stored,
    first: {},
    send: (segment: SegmentInput | null) =>
      save.mutateAsync({ campaignId, key: name, segment: segment && { ...stored, when: segment.when ?? {} } }),
    reset: save.reset,
    removed,
  });
  const { when } = edited.value;
  return (
    <NamedCard
      kind="segment"
      name={name}
      what={sayCondition(when)}
      edited={edited}
      isStored={stored !== undefined}
      isOpenAtFirst={isOpenAtFirst}
      readOnly={readOnly}
      saving={save}
      canSave={when !== undefined}
      removal="Rules that name it have to be changed first."
    >
      <ConditionBuilder
        key={edited.discards}
        label="Who is in it"
        condition={when}
        segments={others}
        change={(next) => edited.edit({ ...edited.value, when: next })}
      />
    </NamedCard>
  );
}
