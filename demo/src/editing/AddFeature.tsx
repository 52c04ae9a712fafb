import { useId, useState } from 'react';
import type { Change } from '@campaign-state/client';

/** Adds a feature by name; those the page has a module for are suggested. */
export function AddFeature({ suggestions, add }: { suggestions: readonly string[]; add: (feature: string) => Change }) {
  const id = useId();
  const [name, setName] = useState('');
  const [error, setError] = useState<string>();

  function submit(feature: string): void {
    setError(undefined);
    setName('');
    add(feature).catch((refusal: Error) => setError(refusal.message));
  }

  return (
    <form
      className="add-feature"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== '') submit(name.trim());
      }}
    >
      <label htmlFor={id}>Add a feature</label>
      <div>
        <input id={id} type="text" autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        <button type="submit" className="primary">Add</button>
      </div>
      {suggestions.length > 0 && (
        <p className="suggestions">
          This page also has{' '}
          {suggestions.map((suggestion) => (
            <button key={suggestion} type="button" className="small" onClick={() => submit(suggestion)}>
              + {suggestion}
            </button>
          ))}
        </p>
      )}
      {error !== undefined && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}
