import { useId } from 'react';
import type { CampaignUpdates } from '@campaign-state/client';
import { FieldFrame } from './FieldFrame.tsx';
import { useField } from './use-field.ts';

const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text));

const NUMBER = {
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
  const isWithin = (text: string): boolean => Number(text) >= min && (max === undefined || Number(text) <= max);
  const field = useField(path, String(value), (text) => updates(Number(text)), {
    ...NUMBER,
    isComplete: (text) => isNumber(text) && isWithin(text),
  });
  const advice =
    Number(field.value) !== value && isNumber(field.value) && !isWithin(field.value)
      ? `${sayRange(min, max)}: not saved.`
      : undefined;
  return (
    <FieldFrame id={id} label={label} path={path} conflict={field.conflict} error={field.error} advice={advice}>
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

function sayRange(min: number, max: number | undefined): string {
  return max === undefined ? `At least ${min}` : `From ${min} to ${max}`;
}
