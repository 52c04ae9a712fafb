import { useId } from 'react';
import { FieldFrame } from '../../fields/FieldFrame.tsx';

/** Another rule, and those of its arms of which one is needed. */
export interface Requirement {
  readonly rule: string;
  readonly arms: readonly string[];
}

/** Whom a rule reaches by what another one gave them: nobody else than those with one of these arms. */
export function RequiresField({
  requires,
  rules,
  fault,
  change,
}: {
  requires: Requirement | undefined;
  /** The arms of the other rules, by name. */
  rules: Readonly<Record<string, readonly string[]>>;
  fault: string | undefined;
  change: (requires: Requirement | undefined) => void;
}) {
  const id = useId();
  const arms = requires ? [...new Set([...(rules[requires.rule] ?? []), ...requires.arms])] : [];
  const toggle = (arm: string, isOn: boolean): void => {
    if (requires)
      change({ ...requires, arms: arms.filter((one) => (one === arm ? isOn : requires.arms.includes(one))) });
  };
  return (
    <FieldFrame id={id} label="Only who is in" error={fault === undefined ? undefined : new Error(fault)}>
      <select
        id={id}
        value={requires?.rule ?? ''}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={({ target: { value } }) =>
          change(value === '' ? undefined : { rule: value, arms: rules[value] ?? [] })
        }
      >
        <option value="">any rule, or none</option>
        {[...new Set([...Object.keys(rules), ...(requires ? [requires.rule] : [])])].map((rule) => (
          <option key={rule}>{rule}</option>
        ))}
      </select>
      {requires && (
        <fieldset className="required-arms">
          <legend>With one of these arms of {requires.rule}</legend>
          {arms.map((arm) => (
            <label key={arm}>
              <input
                type="checkbox"
                checked={requires.arms.includes(arm)}
                onChange={(event) => toggle(arm, event.target.checked)}
              />
              <span dir="auto">{arm}</span>
            </label>
          ))}
        </fieldset>
      )}
    </FieldFrame>
  );
}
