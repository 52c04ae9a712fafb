import { useId } from 'react';
import { FieldFrame } from '../../fields/FieldFrame.tsx';

/** A share in percent, by slider; what it comes to stands beside its label. */
export function ShareSlider({
  label,
  percent,
  says,
  hint,
  fault,
  change,
}: {
  label: string;
  percent: number;
  says: string;
  hint?: string | undefined;
  /** What is wrong with it. */
  fault?: string | undefined;
  change: (percent: number) => void;
}) {
  const id = useId();
  return (
    <FieldFrame
      id={id}
      label={label}
      action={<output htmlFor={id}>{says}</output>}
      error={fault === undefined ? undefined : new Error(fault)}
    >
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        step={1}
        value={percent}
        aria-valuetext={says}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-notes${hint === undefined ? '' : ` ${id}-hint`}`}
        onChange={(event) => change(Number(event.target.value))}
      />
      {hint !== undefined && (
        <p className="empty" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </FieldFrame>
  );
}
