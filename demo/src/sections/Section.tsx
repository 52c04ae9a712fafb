import { useState } from 'react';
import { useCampaignSnapshot } from '@campaign-state/client/react';
import { useLockedBy } from '@campaign-state/client/react/locks';
import { LockControls } from '../locks/LockControls.tsx';
import { People } from '../people/People.tsx';
import { useSectionDraft } from './drafts.ts';
import { isObject } from './json.ts';
import type { JsonValue } from '@campaign-state/client';
import { SectionText } from './SectionText.tsx';

/** One section: what it holds in a line, its text when it is opened. */
export function Section({
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
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <details
      className="section"
      data-path={JSON.stringify([name])}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        <span className="section-name">{name}</span>
        <People path={[name]} />
        {draft ? (
          <span className="section-draft">not applied</span>
        ) : (
          <span className="section-what">{summary(value)}</span>
        )}
      </summary>
      {isOpen && (
        <>
          {!readOnly && <LockControls path={[name]} name={name} />}
          <SectionText name={name} value={value} readOnly={readOnly || lock !== undefined} />
        </>
      )}
    </details>
  );
}

function summary(value: JsonValue | undefined): string {
  if (value === undefined) return 'empty';
  if (isObject(value)) return Object.keys(value).join(', ') || 'empty';
  return JSON.stringify(value);
}
