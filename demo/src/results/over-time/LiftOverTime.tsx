import { useMemo, useState } from 'react';
import { trpc } from '@campaign-state/client/react';
import { sayRefusal } from '../../status/say-refusal.ts';
import { Plot } from '../Plot.tsx';
import { armColour, type MetricResult, type Progress, type RuleResults, type VersionMark } from '../results.ts';
import { Swatch } from '../Swatch.tsx';
import { sayCount, sayEffect, sayMean, sayTime } from '../say-figures.ts';
import { liftShape } from './lift-shape.ts';

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
  const { arms, data, lines, bands, range } = useMemo(() => liftShape(progress), [progress]);
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
