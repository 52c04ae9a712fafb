import type { Guard } from '@campaign-state/client/targeting';
import { Choice } from '../../fields/Choice.tsx';

const HOLDS = { 'pause it': 'pause', 'end it': 'rollback' } as const;

/** Metrics that must not get worse, and what the server does where one does. */
export function GuardForm({
  metrics,
  guard,
  change,
}: {
  /** Names of those that there are. */
  metrics: readonly string[];
  guard: Guard | undefined;
  change: (guard: Guard | undefined) => void;
}) {
  const watched = guard?.metrics ?? [];
  const onRegress = guard?.onRegress ?? 'pause';
  if (metrics.length === 0) return undefined;
  return (
    <fieldset className="measures">
      <legend>Held by the server where it gets worse</legend>
      <p className="measures-checks">
        {metrics.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={watched.includes(name)}
              onChange={(event) => {
                const next = event.target.checked ? [...watched, name] : watched.filter((other) => other !== name);
                change(next.length === 0 ? undefined : { metrics: next, onRegress });
              }}
            />{' '}
            <span dir="auto">{name}</span>
          </label>
        ))}
      </p>
      {guard && (
        <Choice
          label="Then"
          value={onRegress === 'pause' ? 'pause it' : 'end it'}
          options={['pause it', 'end it']}
          choose={(hold) => change({ ...guard, onRegress: HOLDS[hold] })}
        />
      )}
    </fieldset>
  );
}
