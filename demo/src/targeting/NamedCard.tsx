import { useRef, useState, type ReactNode } from 'react';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { StaleDraft } from './StaleDraft.tsx';
import type { EditedByName } from './use-named-draft.ts';

/** One segment, group or holdout: what it is in a line, and its form when it is opened. */
export function NamedCard({
  kind,
  name,
  what,
  edited,
  isStored,
  isOpenAtFirst,
  readOnly,
  saving,
  canSave,
  removal,
  children,
}: {
  /** As it is called in sentences: segment. */
  kind: string;
  name: string;
  what: string;
  edited: Omit<EditedByName<unknown>, 'edit'>;
  /** Whether it is there already. */
  isStored: boolean;
  isOpenAtFirst: boolean;
  readOnly: boolean;
  saving: { readonly isPending: boolean; readonly error: Refused | null };
  canSave: boolean;
  /** What comes of removing it. */
  removal: string;
  children: ReactNode;
}) {
  const { isChanged, isStale, save, discard, remove } = edited;
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  const form = useRef<HTMLFormElement>(null);
  useKeptFocus(form, `${isChanged} ${isStale} ${saving.isPending}`);
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
            ref={form}
            className="rule-form"
            tabIndex={-1}
            onSubmit={(event) => {
              event.preventDefault();
              save();
            }}
          >
            {children}
            {isStale && <StaleDraft kind={kind} take={discard} />}
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
