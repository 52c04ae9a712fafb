import { useId } from 'react';
import { FieldFrame } from './FieldFrame.tsx';

/** A line of text that belongs to a form, and is sent with it. */
export function PlainField({
  label,
  value,
  change,
  hint,
  fault,
  placeholder,
}: {
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: string;
  /** What is wrong with it. */
  fault?: string | undefined;
  placeholder?: string;
}) {
  const id = useId();
  return (
    <FieldFrame id={id} label={label} error={fault === undefined ? undefined : new Error(fault)}>
      <input
        id={id}
        type="text"
        dir="auto"
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-notes${hint === undefined ? '' : ` ${id}-hint`}`}
        onChange={(event) => change(event.target.value)}
      />
      {hint !== undefined && (
        <p className="empty" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </FieldFrame>
  );
}
