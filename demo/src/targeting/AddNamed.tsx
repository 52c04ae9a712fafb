import { useId, useState } from 'react';
import { TARGETING_NAME_PATTERN, TARGETING_NAME_WORDS } from '@campaign-state/client/targeting';

/** Begins a rule, an arm or a segment, by its name. */
export function AddNamed({
  label,
  placeholder,
  taken,
  add,
}: {
  label: string;
  placeholder: string;
  taken: readonly string[];
  add: (name: string) => void;
}) {
  const id = useId();
  const [name, setName] = useState('');
  const wanted = name.trim();
  const fault =
    wanted === ''
      ? undefined
      : taken.includes(wanted)
        ? 'There is one of that name already.'
        : TARGETING_NAME_PATTERN.test(wanted)
          ? undefined
          : `The name ${TARGETING_NAME_WORDS}.`;
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
