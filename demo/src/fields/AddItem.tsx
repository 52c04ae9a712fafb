import { useId, useState } from 'react';
import { sayRefusal } from '../status/say-refusal.ts';

const NO_SUGGESTIONS: readonly string[] = [];

/** Adds one to an ordered set, by name; what could be meant is offered. */
export function AddItem({
  label,
  suggestions = NO_SUGGESTIONS,
  add,
}: {
  label: string;
  suggestions?: readonly string[];
  add: (item: string) => Promise<unknown>;
}) {
  const id = useId();
  const [name, setName] = useState('');
  const [error, setError] = useState<Error>();

  function submit(item: string): void {
    setError(undefined);
    setName('');
    add(item).catch(setError);
  }

  return (
    <form
      className="add-item"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== '') submit(name.trim());
      }}
    >
      <label htmlFor={id}>{label}</label>
      <div>
        <input
          id={id}
          type="text"
          dir="auto"
          autoComplete="off"
          value={name}
          aria-invalid={error !== undefined}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit">Add</button>
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
      {error && (
        <p className="field-error" role="alert">
          {sayRefusal(error, 'It')}
        </p>
      )}
    </form>
  );
}
