import { useId, useState } from 'react';
import { sayTime } from '../results/say-figures.ts';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';
import { isTraced, type TraceEvent, type TraceFilter } from './figures.ts';

const NOTHING: TraceFilter = { campaign: '', person: '', correlation: '' };
const FIELDS = [
  { name: 'campaign', label: 'Campaign' },
  { name: 'person', label: 'Person' },
  { name: 'correlation', label: 'Correlation id' },
] as const;
/** Lines that are shown. */
const SHOWN = 50;

/** Every change as the server makes or refuses it, each with its payload. */
export function Trace({ events, error }: { events: readonly TraceEvent[]; error: Refused | undefined }) {
  const [filter, setFilter] = useState(NOTHING);
  const id = useId();
  const found = events.filter((event) => isTraced(event, filter));
  return (
    <section aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>Trace</h3>
      <p className="panel-intro">
        Changes of all campaigns as this instance makes or refuses them, the newest first, while this is open.
      </p>
      {error && <p className="field-error">{sayRefusal(error)}</p>}
      {(!error || events.length > 0) && (
        <>
          <div className="trace-filter" role="search" aria-label="Changes in the trace">
            {FIELDS.map(({ name, label }) => (
              <label key={name}>
                {label}
                <input
                  type="search"
                  value={filter[name]}
                  autoComplete="off"
                  spellCheck={false}
                  onChange={(change) => setFilter({ ...filter, [name]: change.currentTarget.value })}
                />
              </label>
            ))}
          </div>
          {events.length === 0 && <p className="empty">Nothing has been changed since this was opened.</p>}
          {events.length > 0 && found.length === 0 && (
            <p className="empty">None of the last {events.length} changes is one of these.</p>
          )}
          {found.length > 0 && (
            <ol className="trace" aria-label="Traced changes">
              {found.slice(0, SHOWN).map((event) => (
                <li key={`${event.mutationId} ${event.at} ${event.outcome}`}>
                  <Line event={event} />
                </li>
              ))}
            </ol>
          )}
          {found.length > SHOWN && (
            <p className="panel-intro">
              The newest {SHOWN} of {found.length} are shown.
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** A change in one line, which opens to all that is known of it. */
function Line({ event }: { event: TraceEvent }) {
  const [isOpen, setOpen] = useState(false);
  const { at, campaignId, actor, outcome, milliseconds, command, refusal, correlationId } = event;
  return (
    <details open={isOpen} onToggle={(toggle) => setOpen(toggle.currentTarget.open)}>
      <summary>
        <span className="trace-when">{sayTime(at, 1_000)}</span> <strong>{command.type}</strong>{' '}
        <span className="trace-outcome" data-outcome={outcome}>
          {refusal ? `${outcome}, ${refusal.reason}` : outcome}
        </span>{' '}
        <span>
          {campaignId} by <span dir="auto">{actor}</span>
        </span>{' '}
        <span className="trace-when">{Math.round(milliseconds * 10) / 10} ms</span> <code>{correlationId}</code>
      </summary>
      {isOpen && (
        <pre tabIndex={0} role="region" aria-label={`Payload of ${correlationId}`}>
          {JSON.stringify(event, undefined, 2)}
        </pre>
      )}
    </details>
  );
}
