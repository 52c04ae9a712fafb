import { useState, type ReactNode } from 'react';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';

/** One segment, group or holdout: what it is in a line, and its form when it is opened. */
export function NamedCard({
  kind,
  name,
  what,
  isChanged,
  isStored,
  isOpenAtFirst,
  readOnly,
  saving,
  canSave,
  removal,
  save,
  discard,
  remove,
  children,
}: {
  /** As it is called in sentences: segment. */
  kind: string;
  name: string;
  what: string;
  /** Whether it has changes that are not saved. */
  isChanged: boolean;
  /** Whether it is there already. */
  isStored: boolean;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  saving: { readonly isPending: boolean; readonly error: Refused | null };
  canSave: boolean;
  /** What comes of removing it. */
  removal: string;
  save: () => void;
  discard: () => void;
  remove: () => Promise<unknown>;
  children: ReactNode;
}) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <details className="section" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className="section-name" dir="auto">
          {name}
        </span>
        {isChanged ? <span className="section-draft">not saved</span> : <span className="section-what">{what}</span>}
      </summary>
      {isOpen && (
        <fieldset className="fields" disabled={readOnly}>
          <form
            className="rule-form"
            onSubmit={(event) => {
              event.preventDefault();
              save();
            }}
          >
            {children}
            {saving.error && (
              <p className="field-error" role="alert">
                {sayRefusal(saving.error, `The ${kind}`)}
              </p>
            )}
            <p className="section-buttons">
              <button type="submit" className="primary" disabled={!isChanged || !canSave || saving.isPending}>
                {saving.isPending ? 'Saving…' : 'Save'}
              </button>
              {isChanged && (
                <button type="button" onClick={discard}>
                  Discard
                </button>
              )}
              {isStored && (
                <ConfirmButton
                  open="Remove…"
                  title={`Remove the ${kind} “${name}”?`}
                  effect={removal}
                  go="Remove it"
                  run={remove}
                />
              )}
            </p>
          </form>
        </fieldset>
      )}
    </details>
  );
}
