import { useCampaignSnapshot } from '@campaign-state/client/react';
import { useLockedBy } from '@campaign-state/client/react/locks';
import type { JsonValue } from '@campaign-state/client';
import { useSectionDraft } from './drafts.ts';
import { Section } from './Section.tsx';
import { SectionText } from './SectionText.tsx';

/** One section as text. */
export function JsonSection({
  name,
  value,
  readOnly,
  isOpenAtFirst,
}: {
  name: string;
  value: JsonValue | undefined;
  readOnly: boolean;
  isOpenAtFirst: boolean;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const lock = useLockedBy([name]);
  const [draft] = useSectionDraft(campaignId, name);
  return (
    <Section name={name} value={value} isDraft={draft !== undefined} readOnly={readOnly} isOpenAtFirst={isOpenAtFirst}>
      <SectionText name={name} value={value} readOnly={readOnly || lock !== undefined} />
    </Section>
  );
}
