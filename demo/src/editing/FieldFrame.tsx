import type { ReactNode } from 'react';
import { sayRefusal } from '../status/say-refusal.ts';
import type { Conflict } from './use-draft.ts';

/** What surrounds every control: its label above, then whatever is to be said about it. */
export function FieldFrame({
  id,
  label,
  conflict,
  error,
  action,
  children,
}: {
  id: string;
  label: string;
  conflict?: Conflict | undefined;
  error?: Error | undefined;
  /** Stands beside the label. */
  action?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="field" data-conflict={conflict !== undefined}>
      <div className="field-head">
        <label htmlFor={id}>{label}</label>
        {action}
      </div>
      {children}
      <div id={`${id}-notes`} aria-live="polite">
        {conflict && (
          <p className="field-conflict">
            Somebody else wrote <q dir="auto">{conflict.theirs === '' ? 'nothing' : conflict.theirs}</q> while you
            typed.{' '}
            <button type="button" className="small" onClick={conflict.take}>
              Take theirs
            </button>{' '}
            <button type="button" className="small" onClick={conflict.keep}>
              Keep mine
            </button>
          </p>
        )}
        {error && <p className="field-error">{sayRefusal(error, label)}</p>}
      </div>
    </div>
  );
}
