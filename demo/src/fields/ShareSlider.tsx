import { useId } from 'react';
import { FieldFrame } from './FieldFrame.tsx';

/** A share in percent, by slider; what it comes to stands beside its label. */
export function ShareSlider({
  label,
  percent,
  says,
  change,
}: {
  label: string;
  percent: number;
  says: string;
  change: (percent: number) => void;
}) {
  const id = useId();
  return (
    <FieldFrame id={id} label={label} action={<output htmlFor={id}>{says}</output>}>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        step={1}
        value={percent}
        aria-valuetext={says}
        onChange={(event) => change(Number(event.target.value))}
      />
    </FieldFrame>
  );
}
