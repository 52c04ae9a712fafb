import { useId, useRef, useState } from 'react';
import { CampaignError, jsonEqual, type JsonValue } from '@campaign-state/client';
import { useCampaignHandle, useCampaignSnapshot, useCampaignUpdates } from '@campaign-state/client/react';
import { useDocumentShapes } from '../editing/forms/use-document-shapes.ts';
import { useMeasured } from '../measure/use-measured.ts';
import { lazyPart } from '../status/lazy-part.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { useKeptFocus } from '../ways/use-kept-focus.ts';
import { useSectionDraft } from './drafts.ts';
import { patchBetween } from './json.ts';
import { lineAt, read, write } from './json-text.ts';
import type { TextFault } from './json-text.ts';
import { sayTheirs } from './say-theirs.ts';

const JsonField = lazyPart('The text', async () => (await import('./JsonField.tsx')).JsonField, 'json-field');

/** What a section begins with that is not there yet. */
const NOTHING: JsonValue = {};

/**
 * A section's text. It is applied as the patch from what it was when it was begun, so that it merges with what others
 * did since.
 */
export function SectionText({
  name,
  value,
  readOnly,
}: {
  name: string;
  value: JsonValue | undefined;
  readOnly: boolean;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { updateCampaign } = useCampaignUpdates();
  const { dismiss } = useCampaignHandle();
  const shape = useDocumentShapes()?.(name);
  const measure = useMeasured();
  const [draft, setDraft] = useSectionDraft(campaignId, name);
  const [isComparing, setComparing] = useState(false);
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  useKeptFocus(form, `${draft === undefined} ${draft?.isSending}`);
  const text = draft?.text ?? write(value ?? NOTHING);

  function fail(fault: TextFault, base: JsonValue | undefined): void {
    setDraft({ text, base, fault });
  }

  function send(patch: JsonValue | undefined, base: JsonValue | undefined): void {
    if (patch === undefined) return setDraft(undefined);
    setDraft({ text, base, isSending: true });
    const change = measure(updateCampaign({ [name]: patch }));
    change.then(
      () => setDraft(undefined),
      (refusal: Error) => {
        dismiss(change.mutationId);
        fail(placed(refusal, name, text), base);
      },
    );
  }

  function apply(): void {
    const base = draft ? draft.base : value;
    const result = read(text);
    if (!result.ok) return fail(result.fault, base);
    send(patchBetween(base, result.value), base);
  }

  const theirs =
    draft && !draft.isSending && !jsonEqual(draft.base, value) ? patchBetween(draft.base, value ?? null) : undefined;
  return (
    <form
      ref={form}
      className="section-text"
      tabIndex={-1}
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <JsonField
        label={`${name} as JSON`}
        describedBy={`${id}-notes`}
        text={text}
        isReadOnly={readOnly || draft?.isSending === true}
        fault={draft?.fault}
        shape={shape}
        compareWith={isComparing && theirs !== undefined ? write(value ?? null) : undefined}
        onChange={(changed) => setDraft({ text: changed, base: draft ? draft.base : value })}
        onApply={apply}
      />
      <div id={`${id}-notes`} aria-live="polite">
        {draft?.fault && <p className="field-error">{say(draft.fault)}</p>}
        {theirs !== undefined && (
          <p className="field-conflict">{sayTheirs('this section', draft?.text ?? '', draft?.base, theirs)}</p>
        )}
      </div>
      {!readOnly && (
        <p className="section-buttons">
          <button type="submit" className="primary" disabled={!draft || draft.isSending === true}>
            {draft?.isSending ? 'Applying…' : 'Apply'}
          </button>
          {draft && !draft.isSending && (
            <button type="button" onClick={() => setDraft(undefined)}>
              Discard
            </button>
          )}
          {theirs !== undefined && (
            <button type="button" aria-pressed={isComparing} onClick={() => setComparing(!isComparing)}>
              Compare with theirs
            </button>
          )}
          {!draft && value !== undefined && (
            <button type="button" className="text-button" onClick={() => send(null, value)}>
              Remove {name}
            </button>
          )}
        </p>
      )}
    </form>
  );
}

function say({ line, message }: TextFault): string {
  return line === undefined ? message : `Line ${line}: ${message}`;
}

/** What the server refused, at its place in the text. */
function placed(refusal: Error, name: string, text: string): TextFault {
  const [section, ...path] = refusal instanceof CampaignError ? (refusal.path ?? []) : [];
  return section === name
    ? { message: sayRefusal(refusal, `“${path.join('.') || name}”`), line: lineAt(text, path) }
    : { message: sayRefusal(refusal), line: undefined };
}
