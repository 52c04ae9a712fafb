import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

const NUMBER = {
  isComplete: (text: string) => text.trim() !== '' && Number.isFinite(Number(text)),
  isSame: (a: string, b: string) => Number(a) === Number(b),
};

/** A number of the document. */
export function NumberField({
  label,
  path,
  value,
  save,
  min = 0,
  max,
  slider = false,
}: {
  label: string;
  path: readonly string[];
  value: number;
  save: (value: number) => Change;
  min?: number;
  max?: number;
  slider?: boolean;
}) {
  const id = useId();
  const draft = useDraft(String(value), (text) => save(Number(text)), NUMBER);
  return (
    <FieldFrame id={id} label={label} path={path} conflict={draft.conflict} error={draft.error}>
      <input
        id={id}
        type={slider ? 'range' : 'number'}
        min={min}
        max={max}
        value={draft.value}
        aria-invalid={draft.error !== undefined}
        aria-describedby={`${id}-notes`}
        onBlur={draft.leave}
        onChange={(event) => draft.change(event.target.value)}
      />
    </FieldFrame>
  );
}
