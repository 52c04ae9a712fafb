import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { LockControls } from '../locks/LockControls.tsx';
import { LockIsSaid } from '../locks/LockableSection.tsx';
import { People } from '../people/People.tsx';
import { go, usePlace } from '../ways/place.ts';
import { isObject } from './json.ts';
import type { JsonValue } from '@campaign-state/client';

/** One section: what it holds in a line, and when it is opened what it is edited by. */
export function Section({
  name,
  title = name,
  value,
  isDraft = false,
  readOnly,
  isOpenAtFirst,
  children,
}: {
  name: string;
  title?: string;
  value: JsonValue | undefined;
  /** Whether something was written here that is not applied. */
  isDraft?: boolean;
  readOnly: boolean;
  isOpenAtFirst: boolean;
  children: ReactNode;
}) {
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
        <span className="section-name">{title}</span>
        <People path={[name]} />
        {isDraft ? (
          <span className="section-draft">not applied</span>
        ) : (
          <span className="section-what">{summary(value)}</span>
        )}
      </summary>
      {isOpen && (
        <>
          {!readOnly && <LockControls path={[name]} name={name} />}
          <LockIsSaid>{children}</LockIsSaid>
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
