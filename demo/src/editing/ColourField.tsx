import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** The only notation that the browser's picker knows. */
const HEX = /^#[0-9a-f]{6}$/i;

const isColour = (text: string) => CSS.supports('color', text);

/** A colour, by the browser's picker or as text. */
export function ColourField({
  label,
  path,
  value,
  save,
}: {
  label: string;
  path: readonly string[];
  value: string;
  save: (value: string) => Change;
}) {
  const id = useId();
  const draft = useDraft(value, save, { isComplete: isColour });
  return (
    <FieldFrame id={id} label={label} path={path} conflict={draft.conflict} error={draft.error}>
      <span className="colour">
        <input
          type="color"
          aria-label={`${label}, picker`}
          value={HEX.test(draft.value) ? draft.value : '#000000'}
          onChange={(event) => draft.change(event.target.value)}
          onBlur={draft.leave}
        />
        <input
          id={id}
          type="text"
          spellCheck={false}
          autoComplete="off"
          value={draft.value}
          aria-invalid={draft.error !== undefined}
          aria-describedby={`${id}-notes`}
          onChange={(event) => draft.change(event.target.value)}
          onBlur={draft.leave}
        />
      </span>
    </FieldFrame>
  );
}
