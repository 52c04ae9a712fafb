import { useRef, useState } from 'react';
import type { JsonValue } from '@campaign-state/client';
import { isObject } from '../../../sections/json.ts';
import { fieldsOf, type FormField } from '../model/fields.ts';
import type { ObjectShape } from '../model/shape.ts';
import { written } from '../model/typed-value.ts';
import { urlFault } from '../model/url-fault.ts';
import { sayRefusal } from '../../../status/say-refusal.ts';
import { TypedField } from './TypedField.tsx';
import { usePlaceEdits } from './use-place-edits.ts';

/**
 * A picture by its address, with what it says to those who do not see it. It is there as soon as it has a whole
 * address, and until it is removed.
 */
export function PictureControl({ field, shape }: { field: FormField; shape: ObjectShape }) {
  const { place, label, isOptional } = field;
  const { updatesFor, put, read } = usePlaceEdits();
  const root = useRef<HTMLFieldSetElement>(null);
  const [error, setError] = useState<string>();
  const value = isObject(field.value) ? field.value : {};
  const source = written(value['src']);
  const hasSource = source !== '' && urlFault(source) === undefined;

  /** Whatever else there is of it stays. */
  function withSource(next: JsonValue | undefined): JsonValue | undefined {
    const now = read(place);
    const picture = isObject(now) ? now : {};
    return next === undefined ? now : { ...picture, alt: picture['alt'] ?? '', src: next };
  }

  function remove(): void {
    setError(undefined);
    put(place, undefined).catch((refusal: Error) => setError(sayRefusal(refusal, label)));
    root.current?.querySelector('input')?.focus();
  }

  return (
    <fieldset className="form-group form-picture" ref={root}>
      <legend>{label}</legend>
      {fieldsOf(shape, value, place).map((member) => {
        const name = member.place.at(-1) ?? '';
        const { shape: own } = member;
        if (own.kind !== 'text' || (name === 'alt' && field.value === undefined)) return undefined;
        if (name !== 'src')
          return (
            <TypedField
              key={name}
              field={{
                ...member,
                label: name === 'alt' ? 'Alternative text' : member.label,
                description: name === 'alt' ? 'Read out where it is not seen; empty if it only decorates.' : undefined,
              }}
            />
          );
        return (
          <TypedField
            key={name}
            type="url"
            isHeld
            field={{
              ...member,
              shape: { ...own, min: Math.max(1, own.min ?? 0) },
              label: 'Address of the picture',
              isOptional: false,
            }}
            put={(next) => updatesFor(place, withSource(next))}
          />
        );
      })}
      {hasSource && <Preview key={source} source={source} text={written(value['alt'])} />}
      {isOptional && field.value !== undefined && (
        <button type="button" className="small" onClick={remove}>
          Remove {label.toLowerCase()}
        </button>
      )}
      {error !== undefined && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function Preview({ source, text }: { source: string; text: string }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <p className="field-advice">No picture was found at this address.</p>;
  return (
    <img
      className="form-preview"
      src={source}
      alt={text}
      loading="lazy"
      referrerPolicy="no-referrer"
      onError={() => setBroken(true)}
    />
  );
}
