import { useId, useState } from 'react';
import { jsonEqual, type JsonValue } from '@campaign-state/client';
import { patchBetween } from '../../../sections/json.ts';
import { read, write, type TextFault } from '../../../sections/json-text.ts';
import { sayTheirs } from '../../../sections/say-theirs.ts';
import { lazyPart } from '../../../status/lazy-part.tsx';
import { sayRefusal } from '../../../status/say-refusal.ts';
import type { FormField } from '../model/fields.ts';
import { merged } from '../model/merged.ts';
import { usePlaceEdits } from './use-place-edits.ts';

const JsonField = lazyPart(
  'The editor',
  async () => (await import('../../../sections/JsonField.tsx')).JsonField,
  'json-field',
);

const NOTHING: JsonValue = {};

/** A text that is not applied yet. */
interface Draft {
  readonly text: string;
  /** What the document said when it was begun. */
  readonly base: JsonValue | undefined;
  readonly isSending?: boolean;
}

/**
 * What no form says, as JSON: it is live once it is applied, as the change from what it was when it was begun, so that
 * it merges with what others did since.
 */
export function JsonControl({ field: { label, place, value } }: { field: FormField }) {
  const id = useId();
  const { put, read: valueNow } = usePlaceEdits();
  const [isOpen, setOpen] = useState(false);
  const [draft, setDraft] = useState<Draft>();
  const [fault, setFault] = useState<TextFault>();
  const text = draft?.text ?? write(value ?? NOTHING);
  const theirs =
    draft && !draft.isSending && !jsonEqual(draft.base, value) ? patchBetween(draft.base, value ?? null) : undefined;

  function apply(): void {
    const result = read(text);
    setFault(result.ok ? undefined : result.fault);
    if (!result.ok || !draft) return;
    setDraft({ ...draft, isSending: true });
    put(place, merged(draft.base, result.value, valueNow(place))).then(
      () => setDraft(undefined),
      (refusal: Error) => {
        setDraft(draft);
        setFault({ message: sayRefusal(refusal, label), line: undefined });
      },
    );
  }

  function discard(): void {
    setFault(undefined);
    setDraft(undefined);
  }

  return (
    <div className="form-group">
      <button type="button" className="small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {label} as JSON
      </button>
      {isOpen && (
        <>
          <JsonField
            label={`${label} as JSON`}
            describedBy={`${id}-notes`}
            text={text}
            isReadOnly={draft?.isSending === true}
            fault={fault}
            compareWith={undefined}
            onChange={(changed) => setDraft({ text: changed, base: draft ? draft.base : value })}
            onApply={apply}
          />
          <div id={`${id}-notes`} aria-live="polite">
            {fault && (
              <p className="field-error">
                {fault.line === undefined ? fault.message : `Line ${fault.line}: ${fault.message}`}
              </p>
            )}
            {draft && theirs !== undefined && (
              <p className="field-conflict">{sayTheirs('this', draft.text, draft.base, theirs)}</p>
            )}
          </div>
          <p className="section-buttons">
            <button type="button" className="primary" disabled={!draft || draft.isSending === true} onClick={apply}>
              Apply {label.toLowerCase()}
            </button>
            {theirs !== undefined && (
              <button type="button" onClick={discard}>
                Take theirs
              </button>
            )}
          </p>
        </>
      )}
    </div>
  );
}
