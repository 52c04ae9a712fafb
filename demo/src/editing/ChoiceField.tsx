import { useId } from 'react';
import { SharedField } from './SharedField.tsx';

/** One of a few words, all of them in view. */
export function ChoiceField<T extends string>({
  label,
  path,
  value,
  options,
  choose,
}: {
  label: string;
  path: readonly string[];
  value: T | undefined;
  options: readonly T[];
  choose: (value: T) => void;
}) {
  const name = useId();
  return (
    <SharedField path={path}>
      <fieldset className="choice">
        <legend>{label}</legend>
        <div>
          {options.map((option) => (
            <label key={option} data-option={option}>
              <input
                type="radio"
                name={name}
                value={option}
                checked={option === value}
                onChange={() => choose(option)}
              />
              <span>{option}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </SharedField>
  );
}
