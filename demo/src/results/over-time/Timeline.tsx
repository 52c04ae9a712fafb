import { useMemo, useState } from 'react';
import { trpc } from '@campaign-state/client/react';
import { Choice } from '../../fields/Choice.tsx';
import { sayRefusal } from '../../status/say-refusal.ts';
import { useNow } from '../../use-now.ts';
import { Plot } from '../Plot.tsx';
import type { TimelineRow, VersionMark } from '../results.ts';
import { Swatch } from '../Swatch.tsx';
import { sayCount, sayTime } from '../say-figures.ts';
import { ByVersion } from './ByVersion.tsx';

const MINUTE_MS = 60_000;
const SPANS = { 'an hour': 60, 'six hours': 360, 'a day': 1_440, 'two days': 2_880 } as const;
const NAMES = ['an hour', 'six hours', 'a day', 'two days'] as const;
/** What is shown before the first count, in milliseconds: of a span that begins with nothing the end alone. */
const LEAD_MS = 5 * MINUTE_MS;
/** How often it is read again, in milliseconds. */
const REFETCH_MS = 10_000;

const KINDS = [
  { kind: 'viewers', label: 'open pages', colour: '--ink-soft' },
  { kind: 'exposure', label: 'people first seen', colour: '--arm-1' },
  { kind: 'goal', label: 'goals', colour: '--arm-2' },
] as const;

/** Viewers, exposures and goals by minute, with the versions on the axis, and by version as a table. */
export function Timeline({ campaignId, versions }: { campaignId: string; versions: readonly VersionMark[] }) {
  const [span, setSpan] = useState<keyof typeof SPANS>('an hour');
  // A minute is whole when it is over: the one that runs is in it.
  const to = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
  const from = to - SPANS[span] * MINUTE_MS;
  const timeline = trpc.analytics.timeline.useQuery(
    { campaignId, from, to },
    { refetchInterval: REFETCH_MS, retry: false, placeholderData: (before) => before },
  );
  const rows = timeline.data;
  return (
    <figure className="figure">
      <figcaption>
        <strong>By minute</strong>, of the whole campaign
        <ul className="legend">
          {KINDS.map(({ kind, label, colour }) => (
            <li key={kind}>
              <Swatch colour={colour} />
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      <Choice label="The last" value={span} options={NAMES} choose={setSpan} />
      {timeline.isError && <p className="field-error">{sayRefusal(timeline.error)}</p>}
      {timeline.isPending && <div className="skeleton" role="status" aria-label="Reading the timeline" />}
      {rows?.length === 0 && <p className="empty">Nothing was counted in that time.</p>}
      {rows && rows.length > 0 && (
        <>
          <Minutes rows={rows} from={Math.max(from, firstOf(rows) - LEAD_MS)} to={to} versions={versions} />
          <ByVersion rows={rows} />
        </>
      )}
    </figure>
  );
}

function Minutes({
  rows,
  from,
  to,
  versions,
}: {
  rows: readonly TimelineRow[];
  from: number;
  to: number;
  versions: readonly VersionMark[];
}) {
  const { minutes, counts } = useMemo(() => countsOf(rows, from, to), [rows, from, to]);
  const say = (index: number): string => {
    const said = KINDS.map(({ kind, label }) => `${sayCount(counts[kind][index] ?? 0)} ${label}`);
    return `${sayTime(minutes[index] ?? 0, MINUTE_MS)}: ${said.join(', ')}`;
  };
  const totals = KINDS.filter(({ kind }) => kind !== 'viewers').map(
    ({ kind, label }) => `${sayCount(counts[kind].reduce((sum, count) => sum + count, 0))} ${label}`,
  );
  const data = useMemo(
    () =>
      [minutes.map((minute) => minute / 1_000), ...KINDS.map(({ kind }) => counts[kind])] as [number[], ...number[][]],
    [minutes, counts],
  );
  return (
    <Plot
      label={`By minute: ${totals.join(', ')} in all.`}
      data={data}
      shape={{
        lines: KINDS.map(({ label, colour }) => ({ label, colour })),
        bands: [],
        versions,
        isLift: false,
        span: [from, to],
      }}
      say={say}
    />
  );
}

/** The rows are in order of time. */
function firstOf(rows: readonly TimelineRow[]): number {
  return rows[0]?.minute ?? 0;
}

function countsOf(rows: readonly TimelineRow[], from: number, to: number) {
  const length = Math.round((to - from) / MINUTE_MS);
  const minutes = Array.from({ length }, (_none, index) => from + index * MINUTE_MS);
  const empty = (): number[] => minutes.map(() => 0);
  const counts = { viewers: empty(), exposure: empty(), goal: empty() };
  for (const { minute, kind, count } of rows) {
    const index = Math.round((minute - from) / MINUTE_MS);
    if (index >= 0 && index < length) counts[kind][index] = (counts[kind][index] ?? 0) + count;
  }
  return { minutes, counts };
}
