import { useId, useState } from 'react';
import { jsonEqual, type JsonValue } from '@campaign-state/client';
import { FieldFrame } from '../../../fields/FieldFrame.tsx';
import type { FormField } from '../model/fields.ts';
import { optionLabel } from '../model/labels.ts';
import { usePlaceEdits } from './use-place-edits.ts';

/** Yes or no. */
export function SwitchControl({ field: { label, place, value, description } }: { field: FormField }) {
  const id = useId();
  const { put } = usePlaceEdits();
  const [error, setError] = useState<Error>();

  function choose(next: boolean): void {
    setError(undefined);
    put(place, next).catch(setError);
  }

  return (
    <FieldFrame id={id} label={label} path={place} error={error} hint={description}>
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={value === true}
        aria-describedby={`${id}-notes`}
        onChange={(event) => choose(event.target.checked)}
      />
    </FieldFrame>
  );
}

/** One of a few values; nothing, where it may be missing. */
export function ChoiceControl({ field, options }: { field: FormField; options: readonly JsonValue[] }) {
  const { label, place, value, description, isOptional } = field;
  const id = useId();
  const { put } = usePlaceEdits();
  const [error, setError] = useState<Error>();
  const chosen = options.findIndex((option) => value !== undefined && jsonEqual(option, value));

  function choose(index: number): void {
    setError(undefined);
    put(place, options[index]).catch(setError);
  }

  return (
    <FieldFrame id={id} label={label} path={place} error={error} hint={description}>
      <select
        id={id}
        value={chosen}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => choose(Number(event.target.value))}
      >
        {(chosen === -1 || isOptional) && <option value={-1}>{value === undefined ? 'None' : 'None of these'}</option>}
        {options.map((option, index) => (
          <option key={JSON.stringify(option)} value={index}>
            {optionLabel(option)}
          </option>
        ))}
      </select>
    </FieldFrame>
  );
}
