import { Suspense, useId } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';
import { useCommand } from '../ways/commands.ts';
import { go, usePlace } from '../ways/place.ts';

export interface Tab {
  name: string;
  panel: () => ReactNode;
}

/**
 * Panels of which one is in view, the one that the address names; arrow keys, Home and End move along the tabs, as the
 * ARIA pattern says.
 */
export function Tabs({
  label,
  tabs,
  isReadOnly = false,
}: {
  label: string;
  tabs: readonly Tab[];
  /** Nothing in the panels may have the focus: they are scrolled by keys themselves. */
  isReadOnly?: boolean;
}) {
  const id = useId();
  const { tab } = usePlace();
  const selected = Math.max(
    0,
    tabs.findIndex(({ name }) => keyOf(name) === tab),
  );
  const current = tabs[selected];

  function select(index: number): void {
    const name = tabs[index]?.name;
    go({ tab: index === 0 || name === undefined ? undefined : keyOf(name), section: undefined });
  }

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const last = tabs.length - 1;
    const target = {
      ArrowRight: selected === last ? 0 : selected + 1,
      ArrowLeft: selected === 0 ? last : selected - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    select(target);
    event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')[target]?.focus();
  }

  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ name }, index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === selected}
            aria-controls={`${id}-panel`}
            tabIndex={index === selected ? 0 : -1}
            onClick={() => select(index)}
          >
            {name}
            <TabCommand name={name} select={() => select(index)} />
          </button>
        ))}
      </div>
      {/* A panel of its own for each, which begins at its top. */}
      <div
        key={selected}
        className="tab-panel"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-tab-${selected}`}
        tabIndex={isReadOnly ? 0 : -1}
      >
        <Suspense fallback={<div className="skeleton" role="status" aria-label="Loading the tab" />}>
          {current?.panel()}
        </Suspense>
      </div>
    </>
  );
}

/** A tab as the address names it. */
function keyOf(name: string): string {
  return name.toLowerCase();
}

/** Offers the tab from anywhere. */
function TabCommand({ name, select }: { name: string; select: () => void }) {
  useCommand({ name: `tab ${name}`, label: `Tab: ${name}`, run: select });
  return undefined;
}
