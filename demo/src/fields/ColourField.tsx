import { useId } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useField } from './use-field.ts';

/** The only notation that the browser's picker knows. */
const HEX = /^#[0-9a-f]{6}$/i;

const isColour = (text: string) => CSS.supports('color', text);

/** A colour, by the browser's picker or as text. */
export function ColourField({
  label,
  path,
  value,
  updates,
  advice,
  hint,
}: {
  label: string;
  path: readonly string[];
  value: string;
  updates: (value: string) => CampaignUpdates;
  /** What is likely not meant of the colour. */
  advice?: string | undefined;
  hint?: string | undefined;
}) {
  const id = useId();
  const field = useField(path, value, updates, { isComplete: isColour });
  const said = isColour(field.value)
    ? advice
    : 'This is no colour, and is not shown: #1f2937, teal or rgb(31 41 55) are.';
  return (
    <FieldFrame
      id={id}
      label={label}
      path={path}
      conflict={field.conflict}
      error={field.error}
      advice={said}
      hint={hint}
    >
      <span className="colour">
        <input
          type="color"
          aria-label={`${label}, picker`}
          value={HEX.test(field.value) ? field.value : '#000000'}
          onChange={(event) => field.change(event.target.value)}
          onBlur={field.leave}
        />
        <input
          id={id}
          type="text"
          spellCheck={false}
          autoComplete="off"
          value={field.value}
          aria-invalid={field.error !== undefined}
          aria-describedby={`${id}-notes`}
          onChange={(event) => field.change(event.target.value)}
          onBlur={field.leave}
        />
      </span>
    </FieldFrame>
  );
}
