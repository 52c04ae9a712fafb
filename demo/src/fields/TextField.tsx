import { useId } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { composing, useField } from './use-field.ts';

/** A line, or some lines, of the document's text. */
export function TextField({
  label,
  path,
  value,
  updates,
  lines = 1,
  advice,
  adviceOn,
}: {
  label: string;
  path: readonly string[];
  value: string;
  updates: (value: string) => CampaignUpdates;
  lines?: number;
  /** What is likely not meant of it. */
  advice?: string | undefined;
  /** The same, of what is typed. */
  adviceOn?: (typed: string) => string | undefined;
}) {
  const id = useId();
  const field = useField(path, value, updates);
  const shared = {
    id,
    value: field.value,
    dir: 'auto',
    'aria-invalid': field.error !== undefined,
    'aria-describedby': `${id}-notes`,
    onBlur: field.leave,
    ...composing(field),
  };
  return (
    <FieldFrame
      id={id}
      label={label}
      path={path}
      conflict={field.conflict}
      error={field.error}
      advice={advice ?? adviceOn?.(field.value)}
    >
      {lines > 1 ? (
        <textarea {...shared} rows={lines} onChange={(event) => field.change(event.target.value)} />
      ) : (
        <input {...shared} type="text" autoComplete="off" onChange={(event) => field.change(event.target.value)} />
      )}
    </FieldFrame>
  );
}
