import { useState } from 'react';
import { sayRefusal } from '../../../status/say-refusal.ts';
import type { FormField } from '../model/fields.ts';
import { initialValue } from '../model/initial-value.ts';
import { usePlaceEdits } from './use-place-edits.ts';

/** Begins something that may be there and is not. */
export function AddMissing({ field: { label, place, shape } }: { field: FormField }) {
  const { put } = usePlaceEdits();
  const [error, setError] = useState<Error>();
  return (
    <div className="field">
      <button
        type="button"
        className="small"
        onClick={() => {
          setError(undefined);
          put(place, initialValue(shape)).catch(setError);
        }}
      >
        Add {label.toLowerCase()}
      </button>
      {error && (
        <p className="field-error" role="alert">
          {sayRefusal(error, label)}
        </p>
      )}
    </div>
  );
}
