import { useId, useRef } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** Years are typed digit by digit: 0002 and 0020 come before 2027, and are not meant. */
const EARLIEST = Date.UTC(1970, 0);

/** A moment of the document, edited in UTC; emptied, it leaves the document. */
export function DateField({
  label,
  path,
  value,
  save,
}: {
  label: string;
  path: readonly string[];
  value: string;
  save: (value: string | null) => Change;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const draft = useDraft(toControl(value), (local) => save(local === '' ? null : `${local}:00Z`), {
    // The control says '' for a date that is half typed, too.
    isComplete: (local) =>
      local === '' ? input.current?.validity.badInput === false : Date.parse(`${local}:00Z`) >= EARLIEST,
  });

  function clear(): void {
    if (input.current) input.current.value = '';
    draft.change('');
    draft.leave();
    input.current?.focus();
  }

  const name = `${label} (UTC)`;
  return (
    <FieldFrame
      id={id}
      label={name}
      path={path}
      conflict={draft.conflict}
      error={draft.error}
      action={
        draft.value !== '' && (
          <button type="button" className="text-button" aria-label={`Clear ${name}`} onClick={clear}>
            Clear
          </button>
        )
      }
    >
      <input
        ref={input}
        id={id}
        type="datetime-local"
        value={draft.value}
        aria-invalid={draft.error !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => draft.change(event.target.value)}
        onBlur={(event) => {
          draft.leave();
          if (event.target.validity.badInput) event.target.value = draft.value;
        }}
      />
    </FieldFrame>
  );
}

/** An ISO 8601 date, whatever its offset, as the control wants it: to the minute, in UTC. */
function toControl(date: string): string {
  const at = Date.parse(date);
  return Number.isNaN(at) ? '' : new Date(at).toISOString().slice(0, 16);
}
