import { useId } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useField } from './use-field.ts';

const NUMBER = {
  isComplete: (text: string) => text.trim() !== '' && Number.isFinite(Number(text)),
  isSame: (a: string, b: string) => Number(a) === Number(b),
};

/** A number of the document. */
export function NumberField({
  label,
  path,
  value,
  updates,
  min = 0,
  max,
  slider = false,
}: {
  label: string;
  path: readonly string[];
  value: number;
  updates: (value: number) => CampaignUpdates;
  min?: number;
  max?: number;
  slider?: boolean;
}) {
  const id = useId();
  const field = useField(path, String(value), (text) => updates(Number(text)), NUMBER);
  return (
    <FieldFrame id={id} label={label} path={path} conflict={field.conflict} error={field.error}>
      <input
        id={id}
        type={slider ? 'range' : 'number'}
        min={min}
        max={max}
        value={field.value}
        aria-invalid={field.error !== undefined}
        aria-describedby={`${id}-notes`}
        onBlur={field.leave}
        onChange={(event) => field.change(event.target.value)}
      />
    </FieldFrame>
  );
}
