import { useEffect, useRef, useState } from 'react';
import { useCampaignSnapshot } from '@campaign-state/client/react';
import { useLockedBy } from '@campaign-state/client/react/locks';
import { LockControls } from '../locks/LockControls.tsx';
import { People } from '../people/People.tsx';
import { go, usePlace } from '../ways/place.ts';
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
  const isNamed = usePlace().section === name;
  const [isOpen, setOpen] = useState(isOpenAtFirst || isNamed);
  const element = useRef<HTMLDetailsElement>(null);
  const wasOpen = useRef(isOpenAtFirst);

  // The address names it: at first, or when the browser has gone back to it.
  useEffect(() => {
    if (!isNamed || wasOpen.current) return;
    setOpen(true);
    element.current?.scrollIntoView({ block: 'start' });
  }, [isNamed]);

  function toggle(opens: boolean): void {
    wasOpen.current = opens;
    setOpen(opens);
    if (opens) go({ section: name }, 'replace');
    else if (isNamed) go({ section: undefined }, 'replace');
  }

  return (
    <details
      className="section"
      data-path={JSON.stringify([name])}
      ref={element}
      open={isOpen}
      onToggle={(event) => toggle(event.currentTarget.open)}
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
