import { useId, useState } from 'react';
import type { Variant } from '../model/variants.ts';
import { freeName } from '../model/variants.ts';

/** Adds something: what it is, where it could be several things, and under which name, where it has one. */
export function AddVariant({
  one,
  variants,
  taken,
  isFull = false,
  error,
  add,
}: {
  /** What is added, in a word. */
  one: string;
  variants: readonly Variant[];
  /** The names that are there; missing where what is added has none. */
  taken?: readonly string[] | undefined;
  isFull?: boolean;
  /** Why nothing was added. */
  error: string | undefined;
  add: (variant: Variant, name: string) => void;
}) {
  const id = useId();
  const [chosen, choose] = useState(0);
  const [typed, setTyped] = useState('');
  const variant = variants[chosen] ?? variants[0];
  if (!variant) return undefined;
  const named = typed.trim();
  const suggested = variant.name === undefined ? '' : freeName(variant.name, taken ?? []);
  const name = named === '' ? suggested : named;
  const fault = taken?.includes(name) ? `${name} is there already.` : error;
  const word = one.toLowerCase();
  return (
    <form
      className="add-item add-variant"
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        if (taken && (name === '' || taken.includes(name))) return;
        add(variant, name);
        setTyped('');
      }}
    >
      <div>
        {variants.length > 1 && (
          <select
            aria-label={`Kind of ${word}`}
            value={chosen}
            onChange={(event) => choose(Number(event.target.value))}
          >
            {variants.map(({ label }, index) => (
              <option key={label} value={index}>
                {label}
              </option>
            ))}
          </select>
        )}
        {taken && (
          <input
            type="text"
            aria-label={`Name of the new ${word}`}
            placeholder={suggested === '' ? 'Its name' : suggested}
            autoComplete="off"
            spellCheck={false}
            value={typed}
            aria-invalid={fault !== undefined}
            aria-describedby={`${id}-notes`}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
        <button type="submit" data-control="add" disabled={isFull || (taken !== undefined && name === '')}>
          Add {word}
        </button>
      </div>
      <p className="field-error" id={`${id}-notes`} aria-live="polite">
        {fault}
      </p>
    </form>
  );
}
