import { useRef, useState, type ReactNode } from 'react';
import { AddNamed } from '../fields/AddNamed.tsx';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { faultOfName } from './names.ts';

/** What a card of a list is given. */
export interface ListedCard {
  readonly name: string;
  readonly isOpenAtFirst: boolean;
  readonly removed: () => void;
}

/** A list of rules, segments, groups or holdouts: those that are there, those being made, and how to add one. */
export function NamedList({
  title,
  intro,
  names,
  addLabel,
  placeholder,
  readOnly,
  card,
}: {
  title: string;
  intro: string | undefined;
  /** Those that are there, or have a draft. */
  names: readonly string[];
  addLabel: string;
  placeholder: string;
  readOnly: boolean;
  card: (card: ListedCard) => ReactNode;
}) {
  const [added, setAdded] = useState<readonly string[]>([]);
  const all = [...new Set([...names, ...added])];
  const list = useRef<HTMLElement>(null);
  useKeptFocus(list, all.join('\n'));
  return (
    <section ref={list} tabIndex={-1} aria-label={title}>
      <h3>{title}</h3>
      {intro !== undefined && <p className="panel-intro">{intro}</p>}
      <div className="sections">
        {all.map((name) =>
          card({
            name,
            isOpenAtFirst: added.includes(name),
            // By what is there by then: it may be called long after it was handed out.
            removed: () => setAdded((now) => now.filter((other) => other !== name)),
          }),
        )}
      </div>
      {!readOnly && (
        <AddNamed
          label={addLabel}
          placeholder={placeholder}
          faultOf={(name) => faultOfName(name, all)}
          add={(name) => setAdded((now) => [...now, name])}
        />
      )}
    </section>
  );
}
