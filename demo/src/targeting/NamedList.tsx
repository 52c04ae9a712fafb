import { useState, type ReactNode } from 'react';
import { AddNamed } from '../fields/AddNamed.tsx';
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
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {intro !== undefined && <p className="panel-intro">{intro}</p>}
      <div className="sections">
        {all.map((name) =>
          card({
            name,
            isOpenAtFirst: added.includes(name),
            removed: () => setAdded(added.filter((other) => other !== name)),
          }),
        )}
      </div>
      {!readOnly && (
        <AddNamed
          label={addLabel}
          placeholder={placeholder}
          faultOf={(name) => faultOfName(name, all)}
          add={(name) => setAdded([...added, name])}
        />
      )}
    </section>
  );
}
