import { useId, useRef, useState } from 'react';
import type { HTMLInputTypeAttribute, KeyboardEvent, ReactNode } from 'react';
import type { CampaignUpdates, JsonValue } from '@campaign-state/client';
import { FieldFrame } from '../../../fields/FieldFrame.tsx';
import { composing, useField } from '../../../fields/use-field.ts';
import type { FormField } from '../model/fields.ts';
import { typedValue, written, type TypedValue } from '../model/typed-value.ts';
import { usePlaceEdits } from './use-place-edits.ts';

const isSameNumber = (a: string, b: string): boolean => a !== '' && b !== '' && Number(a) === Number(b);

/** A text or a number that is typed; what its schema does not take is not sent, and said beside it. */
export function TypedField({
  field,
  type = 'text',
  lines = 1,
  isHeld = false,
  put,
  action,
}: {
  field: FormField;
  type?: HTMLInputTypeAttribute;
  lines?: number;
  /** Whether it is sent when it is left, or at Enter, and not as it is typed: half of it would be a value too. */
  isHeld?: boolean;
  /** What is put where, where that is not the value in the field's own place. */
  put?: (value: JsonValue | undefined) => CampaignUpdates;
  /** Stands beside the label, by what is typed. */
  action?: (typed: string) => ReactNode;
}) {
  const { place, label, description, shape, value } = field;
  const id = useId();
  const { updatesFor } = usePlaceEdits();
  const updates = put ?? ((next: JsonValue | undefined) => updatesFor(place, next));
  const isNumber = shape.kind === 'number';
  const input = useRef<HTMLInputElement>(null);
  /** Whether the control says '' for a number or a date that is half typed: nothing was emptied. */
  const isHalf = (typed: string): boolean => typed === '' && input.current?.validity.badInput === true;
  const isTyping = useRef(false);
  const [wasHalf, setWasHalf] = useState(false);
  const control = useField(
    place,
    written(value),
    (typed) => {
      const result = typedValue(field, typed);
      return result.ok ? updates(result.value) : {};
    },
    {
      isComplete: (typed) => !isTyping.current && !isHalf(typed) && typedValue(field, typed).ok,
      keepsUnsent: true,
      ...(isNumber && { isSame: isSameNumber }),
    },
  );

  function change(typed: string): void {
    isTyping.current = isHeld;
    control.change(typed);
    isTyping.current = false;
  }

  function leave(): void {
    if (isHeld && control.value !== written(value)) control.change(control.value);
    else control.leave();
  }

  function leaveAtEnter({ key }: KeyboardEvent): void {
    if (key === 'Enter') leave();
  }

  const result: TypedValue =
    wasHalf && control.value === ''
      ? { ok: false, words: `must be a ${isNumber ? 'number' : 'date'}` }
      : typedValue(field, control.value);
  const isFaulty = !result.ok && (value !== undefined || control.value !== '' || wasHalf);
  const error = isFaulty && !result.ok ? new Error(`${label} ${result.words}`) : control.error;
  const suggestions = shape.kind === 'text' ? shape.suggestions : [];
  const shared = {
    id,
    value: control.value,
    'aria-invalid': error !== undefined,
    'aria-describedby': description === undefined ? `${id}-notes` : `${id}-notes ${id}-hint`,
    'aria-required': !typedValue(field, '').ok,
    onBlur: leave,
    ...composing(control),
  };
  return (
    <FieldFrame
      id={id}
      label={label}
      path={place}
      conflict={control.conflict}
      error={error}
      hint={description}
      action={action?.(control.value)}
    >
      {lines > 1 ? (
        <textarea {...shared} dir="auto" rows={lines} onChange={(event) => control.change(event.target.value)} />
      ) : (
        <input
          {...shared}
          ref={input}
          type={type}
          dir="auto"
          autoComplete="off"
          {...(isNumber && { step: shape.isWhole ? 1 : 'any', min: shape.min, max: shape.max })}
          {...(suggestions.length > 0 && { list: `${id}-suggestions` })}
          onChange={(event) => {
            setWasHalf(isHalf(event.target.value));
            change(event.target.value);
          }}
          {...(isHeld && { onKeyDown: leaveAtEnter })}
        />
      )}
      {suggestions.length > 0 && (
        <datalist id={`${id}-suggestions`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </FieldFrame>
  );
}
