import { useId } from 'react';
import type { Change } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useDraft } from './use-draft.ts';

/** A number of the document; what is no number yet is not sent. */
export function NumberField({
  label,
  value,
  save,
  min = 0,
  max,
  slider = false,
}: {
  label: string;
  value: number;
  save: (value: number) => Change;
  min?: number;
  max?: number;
  slider?: boolean;
}) {
  const id = useId();
  const draft = useDraft(value, save);
  return (
    <FieldFrame id={id} label={label} conflict={draft.conflict} error={draft.error}>
      <input
        id={id}
        type={slider ? 'range' : 'number'}
        min={min}
        max={max}
        value={draft.value}
        aria-describedby={`${id}-notes`}
        onBlur={draft.leave}
        onChange={({ target }) => {
          if (Number.isFinite(target.valueAsNumber)) draft.change(target.valueAsNumber);
        }}
      />
    </FieldFrame>
  );
}
