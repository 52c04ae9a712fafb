import { useMemo, useState } from 'react';
import { trpc } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { Plot } from './Plot.tsx';
import type { PlotLine } from './plot-options.ts';
import { armColour, armsOf, type MetricResult, type Progress, type RuleResults, type VersionMark } from './results.ts';
import { Swatch } from './Swatch.tsx';
import { sayCount, sayEffect, sayMean, sayTime } from './say-figures.ts';

/** How often the past is read again while it grows, in milliseconds. The figures above it are live. */
const REFETCH_MS = 5_000;

/** The lift of each arm over time, within the interval that held at every look. */
export function LiftOverTime({
  campaignId,
  results,
  name,
  metric,
  versions,
}: {
  campaignId: string;
  results: RuleResults;
  name: string;
  metric: MetricResult;
  versions: readonly VersionMark[];
}) {
  const { rule, phase } = results;
  const progress = trpc.analytics.progress.useQuery(
    { campaignId, rule, metric: name, phase },
    { refetchInterval: REFETCH_MS, retry: false, placeholderData: (before) => before },
  );
  if (progress.isError) return <p className="field-error">{sayRefusal(progress.error)}</p>;
  if (!progress.data) return <div className="skeleton" role="status" aria-label={`Reading ${name} over time`} />;
  if (progress.data.points.length < 2) return <p className="empty">The line begins with the second point in time.</p>;
  return <LiftPlot progress={progress.data} name={name} metric={metric} versions={versions} />;
}

function LiftPlot({
  progress,
  name,
  metric,
  versions,
}: {
  progress: Progress;
  name: string;
  metric: MetricResult;
  versions: readonly VersionMark[];
}) {
  const [isTable, setTable] = useState(false);
  const { points, control } = progress;
  const { arms, data, lines, bands, range } = useMemo(() => shapeOf(progress), [progress]);
  const say = (index: number): string => {
    const point = points[index];
    if (!point) return '';
    const effects = point.arms
      .filter(({ arm }) => arm !== control)
      .map((arm) => `${arm.arm} ${sayEffect(arm)}`)
      .join('; ');
    return `${sayTime(point.at, 1_000)}: ${effects}`;
  };
  return (
    <figure className="figure">
      <figcaption>
        <strong>Lift of {name}</strong> against {control}, with the interval that holds at every look
        <ul className="legend">
          {arms.map((arm) => (
            <li key={arm}>
              <Swatch colour={armColour(progress, arm)} />
              <span dir="auto">{arm}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <Plot
        label={`Lift of ${name} over time: ${say(points.length - 1)}.`}
        data={data}
        shape={{ lines, bands, versions, isLift: true, range }}
        say={say}
      />
      <details open={isTable} onToggle={(event) => setTable(event.currentTarget.open)}>
        <summary>As a table</summary>
        {isTable && (
          <div className="scroll" tabIndex={0} role="region" aria-label={`Lift of ${name} over time, as a table`}>
            <table className="figures">
              <thead>
                <tr>
                  <th scope="col">Until</th>
                  <th scope="col">Arm</th>
                  <th scope="col">People</th>
                  <th scope="col">{metric.type === 'conversion' ? 'Share' : 'Mean'}</th>
                  <th scope="col">Lift (at every look)</th>
                </tr>
              </thead>
              <tbody>
                {points.flatMap(({ at, arms: ofPoint }) =>
                  ofPoint.map((arm) => (
                    <tr key={`${at} ${arm.arm}`}>
                      <td>{sayTime(at, 1_000)}</td>
                      <th scope="row" dir="auto">
                        {arm.arm}
                      </th>
                      <td>{sayCount(arm.units)}</td>
                      <td>{sayMean(metric, arm)}</td>
                      <td>{arm.comparison?.lift ? sayEffect(arm) : '–'}</td>
                    </tr>
                  )),
                )}
              </tbody>
            </table>
          </div>
        )}
      </details>
    </figure>
  );
}

function shapeOf(progress: Progress) {
  const { points, control } = progress;
  const arms = armsOf(progress).filter((arm) => arm !== control);
  const lines: PlotLine[] = [];
  const bands: { high: number; low: number; colour: string }[] = [];
  const columns: (number | null)[][] = [];
  for (const arm of arms) {
    const colour = armColour(progress, arm);
    const lifts = points.map((point) => point.arms.find((one) => one.arm === arm)?.comparison?.lift);
    bands.push({ low: lines.length + 1, high: lines.length + 2, colour });
    lines.push(
      { label: arm, colour },
      { label: `${arm}, low`, colour, isBound: true },
      { label: `${arm}, high`, colour, isBound: true },
    );
    columns.push(
      lifts.map((lift) => lift?.estimate ?? null),
      lifts.map((lift) => lift?.anytime[0] ?? null),
      lifts.map((lift) => lift?.anytime[1] ?? null),
    );
  }
  return {
    arms,
    data: [points.map(({ at }) => at / 1_000), ...columns] as [number[], ...(number | null)[][]],
    lines,
    bands,
    range: rangeOf(columns),
  };
}

/** What is in view: the first intervals are so wide that nothing of the later ones would be seen beside them. */
function rangeOf(columns: readonly (number | null)[][]): [number, number] {
  const later = columns.flatMap((column) => column.slice(Math.floor(column.length / 3)));
  const values = later.filter((value) => value !== null);
  const widest = Math.min(2, Math.max(0.05, ...values.map(Math.abs)));
  // Rounded up, so that the axis stands still while the interval narrows.
  const step = widest > 0.5 ? 0.25 : 0.1;
  const bound = Math.ceil(widest / step) * step;
  return [-bound, bound];
}
