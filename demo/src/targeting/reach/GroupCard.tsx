import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { groupUse, type RuleGroupInput } from '@campaign-state/client/targeting';
import { useGroupDraft } from '../drafts.ts';
import { NamedCard } from '../NamedCard.tsx';
import { useNamedDraft } from '../use-named-draft.ts';
import { UnitFields } from './UnitFields.tsx';
import { sayShare } from './weights.ts';

/** One group: a number line that its rules share out among them, so that nobody has arms of two of them. */
export function GroupCard({
  name,
  stored,
  isOpenAtFirst,
  readOnly,
  removed,
}: {
  name: string;
  /** As it stands; `undefined` for one that is not saved yet. */
  stored: RuleGroupInput | undefined;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  removed: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const document = useCampaign((all) => all);
  const save = trpc.campaign.updateGroup.useMutation();
  const edited = useNamedDraft({
    useDraft: useGroupDraft,
    name,
    stored,
    first: { unit: 'userId' },
    send: (group: RuleGroupInput | null) => save.mutateAsync({ campaignId, key: name, group }),
    reset: save.reset,
    removed,
  });
  const { rules, free } = groupUse(document, name);
  const claims = Object.entries(rules);
  return (
    <NamedCard
      kind="group"
      name={name}
      what={`${claims.length === 0 ? 'no rule yet' : claims.map(([rule]) => rule).join(', ')} · ${sayShare(free)} free`}
      edited={edited}
      isStored={stored !== undefined}
      isOpenAtFirst={isOpenAtFirst}
      readOnly={readOnly}
      saving={save}
      canSave
      removal="Its rules have to be taken out of it, or removed, first."
    >
      {/* What its rules divide by cannot change under them. */}
      <fieldset disabled={claims.length > 0}>
        <UnitFields
          line={edited.value}
          set={edited.edit}
          hint={
            claims.length > 0
              ? 'Its rules divide by it. To change it take them out of the group first.'
              : 'The attribute that decides for all its rules.'
          }
        />
      </fieldset>
      {stored && (
        <>
          <div
            className="line"
            role="img"
            aria-label={`${claims.map(([rule, share]) => `${rule} ${sayShare(share)}, `).join('')}free ${sayShare(free)}`}
          >
            {claims.map(([rule, share]) => (
              <span key={rule} style={{ flexGrow: share }} title={`${rule}: ${sayShare(share)}`} />
            ))}
            <span className="is-free" style={{ flexGrow: free }} />
          </div>
          <ul className="claims">
            {claims.map(([rule, share]) => (
              <li key={rule}>
                <b dir="auto">{rule}</b> {sayShare(share)}
              </li>
            ))}
            <li className="is-free">
              <b>free</b> {sayShare(free)}
            </li>
          </ul>
          <p className="empty">
            Who is where on the line is decided by its seed, <code dir="auto">{stored.seed}</code>.
          </p>
        </>
      )}
    </NamedCard>
  );
}
