import { useId, useState } from 'react';
import type { Condition } from '@campaign-state/client/targeting';
import { Choice } from '../fields/Choice.tsx';
import { read, write } from '../sections/json-text.ts';
import { clausesOf, conditionOf, OPERATORS, takes, type Clause, type Clauses } from './condition.ts';

const JOINS = ['all', 'any'] as const;
const HINTS = { list: 'Lagos, Abuja', text: 'Text', value: 'Value', segment: '', nothing: '' } as const;

/** Whom something is for: rows of attribute, operator and value. What rows cannot say is edited as JSON. */
export function ConditionBuilder({
  label,
  condition,
  segments,
  change,
}: {
  label: string;
  condition: Condition | undefined;
  segments: readonly string[];
  change: (condition: Condition | undefined) => void;
}) {
  // Rows that are not complete come to no condition, and are kept all the same.
  const [rows, setRows] = useState<{ shown: Clauses; of: string | undefined }>();
  const text = JSON.stringify(condition);
  const known = rows && rows.of === text ? rows.shown : clausesOf(condition);
  if (!known) return <ConditionText label={label} condition={condition} change={change} />;

  function set(next: Clauses): void {
    const of = conditionOf(next);
    setRows({ shown: next, of: JSON.stringify(of) });
    change(of);
  }

  const { join, clauses } = known;
  return (
    <fieldset className="condition">
      <legend>{label}</legend>
      {clauses.length === 0 && <p className="empty">Everybody.</p>}
      {clauses.length > 1 && (
        <Choice label="They meet" value={join} options={JOINS} choose={(to) => set({ ...known, join: to })} />
      )}
      <ol>
        {clauses.map((clause, index) => (
          <ClauseRow
            key={index}
            number={index + 1}
            clause={clause}
            segments={segments}
            change={(next) => set({ ...known, clauses: clauses.with(index, next) })}
            remove={() => set({ ...known, clauses: clauses.toSpliced(index, 1) })}
          />
        ))}
      </ol>
      <button
        type="button"
        className="small"
        onClick={() => set({ ...known, clauses: [...clauses, { attribute: '', operator: '$eq', value: '' }] })}
      >
        Add a condition
      </button>
    </fieldset>
  );
}

function ClauseRow({
  number,
  clause,
  segments,
  change,
  remove,
}: {
  number: number;
  clause: Clause;
  segments: readonly string[];
  change: (clause: Clause) => void;
  remove: () => void;
}) {
  const kind = takes(clause.operator);
  return (
    <li className="clause">
      {kind !== 'segment' && (
        <input
          type="text"
          aria-label={`Attribute ${number}`}
          placeholder="Attribute"
          autoComplete="off"
          spellCheck={false}
          value={clause.attribute}
          onChange={(event) => change({ ...clause, attribute: event.target.value })}
        />
      )}
      <select
        aria-label={`Operator ${number}`}
        value={clause.operator}
        onChange={(event) => {
          const next = OPERATORS.find(({ operator }) => operator === event.target.value);
          if (next) change({ ...clause, operator: next.operator, ...(next.takes !== kind && { value: '' }) });
        }}
      >
        {OPERATORS.filter((one) => one.takes !== 'segment' || segments.length > 0 || kind === 'segment').map((one) => (
          <option key={one.operator} value={one.operator}>
            {one.word}
          </option>
        ))}
      </select>
      {kind === 'segment' ? (
        <select
          aria-label={`Segment ${number}`}
          value={clause.value}
          onChange={(event) => change({ ...clause, attribute: '', value: event.target.value })}
        >
          <option value="">Choose one</option>
          {segments.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      ) : (
        kind !== 'nothing' && (
          <input
            type="text"
            dir="auto"
            aria-label={`Value ${number}`}
            placeholder={HINTS[kind]}
            autoComplete="off"
            spellCheck={false}
            value={clause.value}
            onChange={(event) => change({ ...clause, value: event.target.value })}
          />
        )
      )}
      <button type="button" className="small" aria-label={`Remove condition ${number}`} onClick={remove}>
        ×
      </button>
    </li>
  );
}

/** A condition that rows cannot say, as it is stored. */
function ConditionText({
  label,
  condition,
  change,
}: {
  label: string;
  condition: Condition | undefined;
  change: (condition: Condition | undefined) => void;
}) {
  const id = useId();
  const [text, setText] = useState(() => write(condition ?? {}));
  const result = read(text);
  const isObject =
    result.ok && typeof result.value === 'object' && result.value !== null && !Array.isArray(result.value);
  return (
    <div className="field section-text">
      <label htmlFor={id}>{label} (a condition of its own, in GrowthBook’s syntax)</label>
      <textarea
        id={id}
        spellCheck={false}
        value={text}
        aria-invalid={!isObject}
        aria-describedby={`${id}-notes`}
        onChange={(event) => {
          setText(event.target.value);
          const next = read(event.target.value);
          if (next.ok && typeof next.value === 'object' && next.value !== null && !Array.isArray(next.value))
            change(next.value);
        }}
      />
      <p className="field-error" id={`${id}-notes`} aria-live="polite">
        {!result.ok && `Line ${result.fault.line ?? 1}: ${result.fault.message}`}
        {result.ok && !isObject && 'A condition is an object.'}
      </p>
    </div>
  );
}
