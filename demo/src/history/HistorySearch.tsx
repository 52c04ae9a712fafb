import { useId, useRef } from 'react';
import { FieldFrame } from '../fields/FieldFrame.tsx';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { EVERYTHING, isEverything, type HistoryFilter } from './history-filter.ts';

const FIELDS = [
  { member: 'person', label: 'Person', type: 'text', placeholder: 'Anybody' },
  { member: 'place', label: 'Place', type: 'text', placeholder: 'ui_content.banner' },
  { member: 'from', label: 'From', type: 'date', placeholder: '' },
  { member: 'to', label: 'To', type: 'date', placeholder: '' },
] as const;

/** Looks for changes by who made them, where, and on which days. */
export function HistorySearch({
  filter,
  people,
  places,
  change,
}: {
  filter: HistoryFilter;
  /** What is offered while one types. */
  people: readonly string[];
  places: readonly string[];
  change: (filter: HistoryFilter) => void;
}) {
  const id = useId();
  const element = useRef<HTMLElement>(null);
  useKeptFocus(element, isEverything(filter));
  const offers: Readonly<Record<string, readonly string[]>> = { person: people, place: places };
  return (
    <search ref={element} className="history-search" tabIndex={-1} aria-label="Search the history">
      {FIELDS.map(({ member, label, type, placeholder }) => (
        <FieldFrame key={member} id={`${id}-${member}`} label={label}>
          <input
            id={`${id}-${member}`}
            type={type}
            autoComplete="off"
            spellCheck={false}
            placeholder={placeholder}
            list={member in offers ? `${id}-${member}-offers` : undefined}
            value={filter[member]}
            onChange={(event) => change({ ...filter, [member]: event.target.value })}
          />
          {member in offers && (
            <datalist id={`${id}-${member}-offers`}>
              {offers[member]?.map((offer) => (
                <option key={offer} value={offer} />
              ))}
            </datalist>
          )}
        </FieldFrame>
      ))}
      {!isEverything(filter) && (
        <button type="button" className="small" onClick={() => change(EVERYTHING)}>
          Show everything
        </button>
      )}
    </search>
  );
}
