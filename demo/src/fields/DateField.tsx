import { useId, useRef } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { text } from '../audience/read.ts';
import { FieldFrame } from './FieldFrame.tsx';
import { useField } from './use-field.ts';

/** Years are typed digit by digit: 0002 and 0020 come before 2027, and are not meant. */
const EARLIEST = Date.UTC(1970, 0);

/** A moment of the document, edited in UTC; emptied, it leaves the document. */
export function DateField({
  label,
  path,
  value,
  updates,
  advice,
  isOptional = true,
}: {
  label: string;
  path: readonly string[];
  value: string;
  updates: (value: string | null) => CampaignUpdates;
  /** What is likely not meant of the moment. */
  advice?: string | undefined;
  /** Whether it may be emptied. */
  isOptional?: boolean;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const field = useField(path, toControl(value), (local) => updates(local === '' ? null : `${local}:00Z`), {
    // The control says '' for a date that is half typed, too.
    isComplete: (local) =>
      local === '' ? isOptional && input.current?.validity.badInput === false : Date.parse(`${local}:00Z`) >= EARLIEST,
    write: (date) => toControl(text(date)),
  });

  function clear(): void {
    if (input.current) input.current.value = '';
    field.change('');
    field.leave();
    input.current?.focus();
  }

  const name = `${label} (UTC)`;
  return (
    <FieldFrame
      id={id}
      label={name}
      path={path}
      conflict={field.conflict}
      error={field.error}
      advice={advice}
      action={
        isOptional &&
        field.value !== '' && (
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
        value={field.value}
        aria-invalid={field.error !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => field.change(event.target.value)}
        onBlur={(event) => {
          field.leave();
          if (event.target.validity.badInput) event.target.value = field.value;
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
