import { useId, useState } from 'react';

/** Begins something that has a name, such as a module, a rule or a segment: it is there once it is saved. */
export function AddNamed({
  label,
  placeholder,
  faultOf,
  add,
}: {
  label: string;
  placeholder: string;
  /** Why it cannot have that name; `undefined` where it can. */
  faultOf: (name: string) => string | undefined;
  add: (name: string) => void;
}) {
  const id = useId();
  const [name, setName] = useState('');
  const wanted = name.trim();
  const fault = wanted === '' ? undefined : faultOf(wanted);
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
      <label htmlFor={id}>{label}</label>
      <div>
        <input
          id={id}
          type="text"
          placeholder={placeholder}
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
