import { useEffect } from 'react';
import type { FocusEvent, ReactNode } from 'react';
import { usePresence } from '@campaign-state/client/react/presence';

/** Tells the others at which field this person is: the path of the one that has the focus, from its `data-path`. */
export function WhereIAm({ children }: { children: ReactNode }) {
  const { setPresence } = usePresence();
  useEffect(() => () => setPresence({}), [setPresence]);
  return (
    <div
      className="contents"
      onFocus={(event) => setPresence(at(event.target))}
      onBlur={(event: FocusEvent) => {
        if (!(event.relatedTarget instanceof Element)) setPresence({});
      }}
    >
      {children}
    </div>
  );
}

function at(element: Element): { focus?: readonly string[] } {
  const path = element.closest<HTMLElement>('[data-path]')?.dataset['path'];
  const keys: unknown = path === undefined ? undefined : JSON.parse(path);
  return Array.isArray(keys) ? { focus: keys.map(String) } : {};
}
