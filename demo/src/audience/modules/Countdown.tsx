import type { ModuleProps } from './module.ts';
import { text } from '../read.ts';
import { useNow } from '../../use-now.ts';

const UNITS = [
  { name: 'days', seconds: 86_400, wrap: Infinity },
  { name: 'hours', seconds: 3_600, wrap: 24 },
  { name: 'minutes', seconds: 60, wrap: 60 },
  { name: 'seconds', seconds: 1, wrap: 60 },
] as const;

/** The time left until one of the document's dates, or until a date of its own. */
export function Countdown({ component, campaign }: ModuleProps) {
  const now = useNow();
  const target = text(component['target']);
  const date = target === 'start_date' || target === 'end_date' ? campaign[target] : target || campaign.end_date;
  const at = Date.parse(date ?? '');
  if (Number.isNaN(at)) return undefined;
  const left = Math.max(0, Math.floor((at - now) / 1_000));
  return (
    <section className="module countdown">
      <h2 className="module-label" dir="auto">
        {text(component['label']) || 'Time left'}
      </h2>
      {left === 0 ? (
        <p className="countdown-over">The time has come.</p>
      ) : (
        <p className="countdown-digits" role="timer">
          {UNITS.map(({ name, seconds, wrap }) => (
            <span key={name}>
              <b>{String(Math.floor(left / seconds) % wrap).padStart(2, '0')}</b> {name}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}
