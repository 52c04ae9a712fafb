import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** A line, or some lines, of the document's text. */
export function TextField({
  label,
  path,
  value,
  save,
  lines = 1,
}: {
  label: string;
  path: readonly string[];
  value: string;
  save: (value: string) => Change;
  lines?: number;
}) {
  const id = useId();
  const draft = useDraft(value, save);
  const shared = {
    id,
    value: draft.value,
    dir: 'auto',
    'aria-invalid': draft.error !== undefined,
    'aria-describedby': `${id}-notes`,
    onBlur: draft.leave,
  };
  return (
    <FieldFrame id={id} label={label} path={path} conflict={draft.conflict} error={draft.error}>
      {lines > 1 ? (
        <textarea {...shared} rows={lines} onChange={(event) => draft.change(event.target.value)} />
      ) : (
        <input {...shared} type="text" autoComplete="off" onChange={(event) => draft.change(event.target.value)} />
      )}
    </FieldFrame>
  );
}
