import type { ReactNode } from 'react';
import { sayRefusal } from '../status/say-refusal.ts';
import { useLocalDocument } from './local-document.ts';
import { SharedField } from './SharedField.tsx';
import type { FieldConflict } from './use-field.ts';

/** What surrounds every control: its label above, then whatever is to be said about it. */
export function FieldFrame({
  id,
  label,
  path,
  conflict,
  error,
  advice,
  hint,
  action,
  children,
}: {
  id: string;
  label: string;
  /** Its place in the document, where it has one: who else is there is shown. */
  path?: readonly string[];
  conflict?: FieldConflict | undefined;
  error?: Error | undefined;
  /** What is likely not meant, though it may be said. */
  advice?: string | undefined;
  /** What it is for. */
  hint?: string | undefined;
  /** Stands beside the label. */
  action?: ReactNode;
  children: ReactNode;
}) {
  const local = useLocalDocument();
  const head = (
    <>
      <label htmlFor={id}>{label}</label>
      {action}
    </>
  );
  const body = (
    <>
      {children}
      {hint !== undefined && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
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
        {advice !== undefined && <p className="field-advice">{advice}</p>}
      </div>
    </>
  );
  if (path && !local)
    return (
      <SharedField path={path} head={head}>
        {body}
      </SharedField>
    );
  return (
    <div className="field">
      <div className="field-head">{head}</div>
      {body}
    </div>
  );
}
