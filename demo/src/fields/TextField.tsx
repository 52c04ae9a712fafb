import { useId } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useField } from './use-field.ts';

/** A line, or some lines, of the document's text. */
export function TextField({
  label,
  path,
  value,
  updates,
  lines = 1,
}: {
  label: string;
  path: readonly string[];
  value: string;
  updates: (value: string) => CampaignUpdates;
  lines?: number;
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
  };
  return (
    <FieldFrame id={id} label={label} path={path} conflict={field.conflict} error={field.error}>
      {lines > 1 ? (
        <textarea {...shared} rows={lines} onChange={(event) => field.change(event.target.value)} />
      ) : (
        <input {...shared} type="text" autoComplete="off" onChange={(event) => field.change(event.target.value)} />
      )}
    </FieldFrame>
  );
}
