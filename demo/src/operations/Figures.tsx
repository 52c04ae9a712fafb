import { useEffect, useId, useMemo, useState, type ReactNode } from 'react';
import { trpc, useConnection } from '@campaign-state/client/react';
import { Plot } from '../results/Plot.tsx';
import type { PlotLine } from '../results/plot-options.ts';
import { Swatch } from '../results/Swatch.tsx';
import { sayCount, sayTime } from '../results/say-figures.ts';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';
import type { Sample, Stats } from './figures.ts';
import { saySpan } from './say-amounts.ts';

/** Instances that are remembered, the newest. */
const KEPT_INSTANCES = 6;

/** The figures of the server that answers, as they move. */
export function Figures({ samples, error }: { samples: readonly Sample[]; error: Refused | undefined }) {
  const id = useId();
  const newest = samples.at(-1);
  return (
    <section aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>The server as it runs</h3>
      <Instances />
      {error && <p className="field-error">{sayRefusal(error)}</p>}
      {!error && !newest && <div className="skeleton" role="status" aria-label="Reading the figures" />}
      {newest && (
        <>
          <dl className="live-figures">{figuresOf(newest)}</dl>
          <Moving samples={samples} />
        </>
      )}
    </section>
  );
}

/** Which instances this tab has been connected to: another one may answer after each reconnect. */
function Instances() {
  const { status } = useConnection();
  const { data, refetch } = trpc.system.info.useQuery();
  const [seen, setSeen] = useState<readonly string[]>([]);
  useEffect(() => {
    if (status === 'connected') void refetch();
  }, [status, refetch]);
  const instance = data?.instance;
  if (instance !== undefined && seen.at(-1) !== instance)
    setSeen([...seen.filter((one) => one !== instance), instance].slice(-KEPT_INSTANCES));
  if (!data) return undefined;
  const before = seen.slice(0, -1);
  return (
    <p className="panel-intro">
      Instance <code>{data.instance}</code>, version {data.version}, answers this tab
      {before.length > 0 && (
        <>
          ; before it did <code>{before.toReversed().join(', ')}</code>
        </>
      )}
      . What stands below is of this instance alone.
    </p>
  );
}

function figuresOf({ stats, changes, deliveries, p50, p99 }: Sample): ReactNode {
  const { connections, archive, log } = stats;
  const rows: [name: string, value: string, note?: string | undefined][] = [
    ['Connections', sayCount(connections.ws + connections.sse), `${connections.ws} ws, ${connections.sse} SSE`],
    ['Subscribers', sayCount(stats.subscribers), `${sayCount(stats.campaigns)} campaigns in memory`],
    ['Changes', sayRate(changes), `${sayCount(stats.mutations)} since the start`],
    ['Events sent', sayRate(deliveries), `${sayCount(stats.deliveries)} since the start`],
    ['A change takes', `${sayMilliseconds(p50)}, p99 ${sayMilliseconds(p99)}`, 'in the last ten seconds'],
    ['Waiting for the archive', sayCount(archive.backlogEntries), sayArchive(stats)],
    ['Redis', sayRedis(stats), log.reading?.message ?? log.writing?.message ?? log.settings?.message],
    ['Slow readers', sayCount(stats.slowReaders), 'sent a snapshot for what they had missed'],
    ['Resumes', sayCount(stats.resumes), `${sayCount(stats.snapshots)} streams began with a snapshot`],
    ['Up for', saySpan(stats.uptimeSeconds * 1_000)],
  ];
  return rows.map(([name, value, note]) => (
    <div key={name}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        {note !== undefined && <span>{note}</span>}
      </dd>
    </div>
  ));
}

function sayRate(rate: number | undefined): string {
  return rate === undefined ? '–' : `${rate < 10 ? Math.round(rate * 10) / 10 : sayCount(rate)} / s`;
}

function sayMilliseconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? '–' : `${Math.round(milliseconds * 10) / 10} ms`;
}

function sayArchive({ archive }: Stats): string {
  if (archive.failing) return archive.failure?.message ?? 'commits fail';
  return archive.backlogEntries === 0 ? 'everything is saved' : `the oldest for ${archive.lagSeconds.toFixed(1)} s`;
}

function sayRedis({ log }: Stats): string {
  if (log.failing) return 'away';
  return log.isShared ? 'there' : 'not used';
}

type ValueOf = (sample: Sample) => number | undefined;

interface ChartOptions {
  readonly title: string;
  readonly lines: readonly (PlotLine & { readonly value: ValueOf })[];
  readonly unit: string;
}

const CHARTS: readonly ChartOptions[] = [
  {
    title: 'Changes a second',
    unit: '',
    lines: [{ label: 'changes', colour: '--arm-1', value: ({ changes }) => changes }],
  },
  {
    title: 'What a change takes, ms',
    unit: ' ms',
    lines: [
      { label: 'p50', colour: '--arm-1', value: ({ p50 }) => p50 },
      { label: 'p99', colour: '--arm-2', value: ({ p99 }) => p99 },
    ],
  },
  {
    title: 'Connections and subscribers',
    unit: '',
    lines: [
      { label: 'connections', colour: '--arm-1', value: ({ stats }) => stats.connections.ws + stats.connections.sse },
      { label: 'subscribers', colour: '--arm-2', value: ({ stats }) => stats.subscribers },
    ],
  },
];

/** The same over the last two minutes. */
function Moving({ samples }: { samples: readonly Sample[] }) {
  if (samples.length < 2) return <p className="empty">The lines begin with the second figure, in a second.</p>;
  return (
    <div className="live-charts">
      {CHARTS.map((chart) => (
        <Chart key={chart.title} {...chart} samples={samples} />
      ))}
    </div>
  );
}

function Chart({ title, lines, unit, samples }: ChartOptions & { samples: readonly Sample[] }) {
  const data = useMemo(
    () =>
      [samples.map(({ at }) => at / 1_000), ...lines.map(({ value }) => samples.map((one) => value(one) ?? null))] as [
        number[],
        ...(number | null)[][],
      ],
    [samples, lines],
  );
  const say = (index: number): string => {
    const sample = samples[index];
    if (!sample) return '';
    const said = lines.map(({ label, value }) => `${label} ${sayValue(value(sample))}${unit}`);
    return `${sayTime(sample.at, 1_000)}: ${said.join(', ')}`;
  };
  return (
    <figure className="figure">
      <figcaption>
        <strong>{title}</strong>
        {lines.length > 1 && (
          <ul className="legend">
            {lines.map(({ label, colour }) => (
              <li key={label}>
                <Swatch colour={colour} />
                {label}
              </li>
            ))}
          </ul>
        )}
      </figcaption>
      <Plot
        label={`${title}, over the last two minutes.`}
        data={data}
        shape={{ lines: lines.map(({ label, colour }) => ({ label, colour })), bands: [], versions: [], isLift: false }}
        say={say}
      />
    </figure>
  );
}

function sayValue(value: number | undefined): string {
  return value === undefined ? '–' : String(Math.round(value * 10) / 10);
}
