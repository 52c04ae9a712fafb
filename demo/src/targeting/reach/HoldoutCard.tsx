import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import type { HoldoutInput } from '@campaign-state/client/targeting';
import { useHoldoutDraft } from '../drafts.ts';
import { NamedCard } from '../NamedCard.tsx';
import { useNamedDraft } from '../use-named-draft.ts';
import { ShareSlider } from './ShareSlider.tsx';
import { UnitFields } from './UnitFields.tsx';
import { sayShare } from './weights.ts';

/** One holdout: a share of people whom no rule reaches, but those that say so. */
export function HoldoutCard({
  name,
  stored,
  isOpenAtFirst,
  readOnly,
  removed,
}: {
  name: string;
  /** As it stands; `undefined` for one that is not saved yet. */
  stored: HoldoutInput | undefined;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  removed: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const rules = useCampaign((all) => all.rules) ?? {};
  const save = trpc.campaign.updateHoldout.useMutation();
  const edited = useNamedDraft({
    useDraft: useHoldoutDraft,
    name,
    stored,
    first: { unit: 'userId', share: 0.05 },
    send: (value: HoldoutInput | null) => save.mutateAsync({ campaignId, key: name, holdout: value }),
    reset: save.reset,
    removed,
  });
  const holdout = edited.value;
  const exempt = Object.keys(rules).filter((rule) => rules[rule]?.ignoresHoldouts === true);
  return (
    <NamedCard
      kind="holdout"
      name={name}
      what={`${sayShare(holdout.share)} of all${exempt.length === 0 ? '' : ` · but for ${exempt.join(', ')}`}`}
      edited={edited}
      isStored={stored !== undefined}
      isOpenAtFirst={isOpenAtFirst}
      readOnly={readOnly}
      saving={save}
      canSave
      removal="Rules reach those who are in it, at once."
    >
      <UnitFields
        line={holdout}
        set={edited.edit}
        hint="The attribute that decides: who has the same value is in it, or not."
      />
      <ShareSlider
        label="How many are in it"
        percent={Math.round(holdout.share * 100)}
        says={sayShare(holdout.share)}
        change={(percent) => edited.edit({ ...holdout, share: percent / 100 })}
        hint={
          exempt.length === 0
            ? 'No rule reaches them. A rule can be exempt: it says so itself.'
            : `Exempt, and reaching them all the same: ${exempt.join(', ')}.`
        }
      />
      {stored && (
        <p className="empty">
          Who is in it is decided by its seed, <code dir="auto">{stored.seed}</code>. A larger share keeps who is in it.
        </p>
      )}
    </NamedCard>
  );
}
