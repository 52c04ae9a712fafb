import { TARGETING_LIMITS, type RampStep } from '@campaign-state/client/targeting';

/** Steps by which the server raises the share by itself while the rule runs. */
export function RampForm({
  ramp,
  change,
}: {
  ramp: readonly RampStep[];
  /** `undefined`: none. */
  change: (ramp: RampStep[] | undefined) => void;
}) {
  const set = (index: number, step: RampStep): void => change(ramp.map((one, at) => (at === index ? step : one)));
  const last = ramp.at(-1)?.coverage ?? 0;
  return (
    <fieldset className="measures">
      <legend>Raised by steps</legend>
      {ramp.length === 0 && (
        <p className="empty">Not at all. With steps, the server raises the share by itself while the rule runs.</p>
      )}
      <ol>
        {ramp.map((step, index) => {
          const isOfMinutes = 'minutes' in step.for;
          const amount = 'minutes' in step.for ? step.for.minutes : step.for.units;
          const hold = (value: number, ofMinutes: boolean): RampStep['for'] =>
            ofMinutes ? { minutes: value } : { units: value };
          return (
            // Steps have no names: their places are what they are known by.
            <li key={index} className="clause">
              <span>{index + 1}.</span>
              <input
                type="number"
                min={0}
                max={100}
                step="any"
                aria-label={`Percent of step ${index + 1}`}
                value={Math.round(step.coverage * 1_000_000) / 10_000}
                onChange={(event) => set(index, { ...step, coverage: (event.target.valueAsNumber || 0) / 100 })}
              />
              <span>% for</span>
              <input
                type="number"
                min={1}
                aria-label={`How long step ${index + 1} holds`}
                value={amount}
                onChange={(event) => set(index, { ...step, for: hold(event.target.valueAsNumber || 0, isOfMinutes) })}
              />
              <select
                aria-label={`What step ${index + 1} holds for`}
                value={isOfMinutes ? 'minutes' : 'units'}
                onChange={(event) => set(index, { ...step, for: hold(amount, event.target.value === 'minutes') })}
              >
                <option value="minutes">minutes</option>
                <option value="units">people</option>
              </select>
              <button
                type="button"
                className="small"
                aria-label={`Remove step ${index + 1}`}
                onClick={() => change(ramp.length === 1 ? undefined : ramp.filter((_step, at) => at !== index))}
              >
                ×
              </button>
            </li>
          );
        })}
      </ol>
      <button
        type="button"
        className="small"
        disabled={ramp.length >= TARGETING_LIMITS.rampSteps}
        onClick={() =>
          change([...ramp, { coverage: ramp.length === 0 ? 0.1 : Math.min(1, last * 2), for: { minutes: 30 } }])
        }
      >
        Add a step
      </button>
    </fieldset>
  );
}
