import { useId, useState } from 'react';
import { faultOfName } from './section-names.ts';

/** Opens a new module of the document; it is there once its text is applied. */
export function AddModule({
  document,
  add,
}: {
  document: Readonly<Record<string, unknown>>;
  add: (name: string) => void;
}) {
  const id = useId();
  const [name, setName] = useState('');
  const wanted = name.trim();
  const fault = wanted === '' ? undefined : faultOfName(wanted, document);
  return (
    <form
      className="add-item"
      onSubmit={(event) => {
        event.preventDefault();
        if (wanted === '' || fault !== undefined) return;
        add(wanted);
        setName('');
      }}
    >
      <label htmlFor={id}>Add a module</label>
      <div>
        <input
          id={id}
          type="text"
          placeholder="Such as commerce"
          autoComplete="off"
          spellCheck={false}
          value={name}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-notes`}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit">Add</button>
      </div>
      <p className="field-error" id={`${id}-notes`} aria-live="polite">
        {fault}
      </p>
    </form>
  );
}
