import type { ReactNode } from 'react';
import type { Conflict } from './use-draft.ts';

/** What surrounds every control: its label above, then whatever is to be said about it. */
export function FieldFrame({
  id,
  label,
  conflict,
  error,
  children,
}: {
  id: string;
  label: string;
  conflict?: Conflict | undefined;
  error?: string | undefined;
  children: ReactNode;
}) {
  return (
    <div className="field" data-conflict={conflict !== undefined}>
      <label htmlFor={id}>{label}</label>
      {children}
      <div id={`${id}-notes`} aria-live="polite">
        {conflict && (
          <p className="field-conflict">
            Somebody else wrote <q>{conflict.theirs === '' ? 'nothing' : conflict.theirs}</q> while you typed.{' '}
            <button type="button" className="small" onClick={conflict.take}>
              Take theirs
            </button>{' '}
            <button type="button" className="small" onClick={conflict.keep}>
              Keep mine
            </button>
          </p>
        )}
        {error !== undefined && <p className="field-error">{error}</p>}
      </div>
    </div>
  );
}
