import { METRIC_TYPES, type Metric, type RuleInput } from '@campaign-state/client/targeting';
import { AddNamed } from '../../fields/AddNamed.tsx';
import { faultOfName } from '../names.ts';

type Metrics = NonNullable<RuleInput['metrics']>;

const SAYS = {
  type: { conversion: 'who had it', count: 'how often', sum: 'sum of its values' },
  better: { up: 'more is better', down: 'less is better' },
  role: { goal: 'a goal', guardrail: 'a guardrail' },
} as const;

const FIRST: Metric = { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' };

/** What a rule is measured by. */
export function MetricsForm({
  metrics,
  change,
}: {
  metrics: Metrics;
  /** `undefined`: none. */
  change: (metrics: Metrics | undefined) => void;
}) {
  const names = Object.keys(metrics);
  const set = (name: string, metric: Metric): void => change({ ...metrics, [name]: metric });
  return (
    <fieldset className="measures">
      <legend>Measured by</legend>
      {names.length === 0 && <p className="empty">Nothing yet. A metric counts the goals that an app tracks.</p>}
      <ol>
        {Object.entries(metrics).map(([name, metric]) => (
          <li key={name} className="clause">
            <b dir="auto">{name}</b>
            <input
              type="text"
              aria-label={`Goal of ${name}`}
              autoComplete="off"
              spellCheck={false}
              value={metric.goal}
              onChange={(event) => set(name, { ...metric, goal: event.target.value })}
            />
            <select
              aria-label={`What ${name} counts`}
              value={metric.type}
              onChange={(event) => {
                const type = METRIC_TYPES.find((one) => one === event.target.value) ?? metric.type;
                const { cap, ...others } = metric;
                // Whether somebody had it has no cap.
                set(name, { ...others, type, ...(cap !== undefined && type !== 'conversion' && { cap }) });
              }}
            >
              {METRIC_TYPES.map((type) => (
                <option key={type} value={type}>
                  {SAYS.type[type]}
                </option>
              ))}
            </select>
            {metric.type !== 'conversion' && (
              <input
                type="number"
                min={0}
                step="any"
                aria-label={`What one person counts at most in ${name}`}
                placeholder="no cap"
                value={metric.cap ?? ''}
                onChange={(event) => {
                  const { cap: _before, ...others } = metric;
                  const cap = event.target.valueAsNumber;
                  set(name, { ...others, ...(Number.isFinite(cap) && { cap }) });
                }}
              />
            )}
            <select
              aria-label={`What is good for ${name}`}
              value={metric.better}
              onChange={(event) => set(name, { ...metric, better: event.target.value === 'down' ? 'down' : 'up' })}
            >
              <option value="up">{SAYS.better.up}</option>
              <option value="down">{SAYS.better.down}</option>
            </select>
            <select
              aria-label={`Role of ${name}`}
              value={metric.role}
              onChange={(event) =>
                set(name, { ...metric, role: event.target.value === 'guardrail' ? 'guardrail' : 'goal' })
              }
            >
              <option value="goal">{SAYS.role.goal}</option>
              <option value="guardrail">{SAYS.role.guardrail}</option>
            </select>
            <button
              type="button"
              className="small"
              aria-label={`Remove metric ${name}`}
              onClick={() => {
                const rest = Object.entries(metrics).filter(([other]) => other !== name);
                change(rest.length === 0 ? undefined : Object.fromEntries(rest));
              }}
            >
              ×
            </button>
          </li>
        ))}
      </ol>
      <AddNamed
        label="Add a metric"
        placeholder="Such as leads"
        faultOf={(wanted) => faultOfName(wanted, names)}
        add={(name) => set(name, { ...FIRST, goal: name === 'leads' ? 'lead' : name })}
      />
    </fieldset>
  );
}
