import { useState } from 'react';
import { trpc } from '@campaign-state/client/react';
import { Choice } from '../fields/Choice.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { LiftOverTime } from './over-time/LiftOverTime.tsx';
import { MetricTable } from './MetricTable.tsx';
import { NoEvents } from './NoEvents.tsx';
import type { VersionMark } from './results.ts';
import { Verdict } from './Verdict.tsx';

/** The results of the present phase of a rule, live. */
export function RuleFigures({
  campaignId,
  rule,
  versions,
}: {
  campaignId: string;
  rule: string;
  versions: readonly VersionMark[];
}) {
  const live = trpc.analytics.live.useSubscription({ campaignId, rule });
  const [chosen, choose] = useState<string | undefined>(undefined);
  const results = live.data;
  if (live.error) return <p className="field-error">{sayRefusal(live.error)}</p>;
  if (!results) return <div className="skeleton" role="status" aria-label={`Reading the results of ${rule}`} />;
  if (results.arms.every(({ units }) => units === 0) && results.unverified.units === 0) return <NoEvents rule={rule} />;
  const metrics = Object.entries(results.metrics);
  const [name, metric] = metrics.find(([one]) => one === chosen) ?? metrics[0] ?? [];
  return (
    <>
      <Verdict results={results} />
      {metrics.map(([one, found]) => (
        <MetricTable key={one} name={one} metric={found} results={results} />
      ))}
      {metrics.length > 1 && name !== undefined && (
        <Choice label="Over time" value={name} options={metrics.map(([one]) => one)} choose={choose} />
      )}
      {name !== undefined && metric && (
        <LiftOverTime
          key={name}
          campaignId={campaignId}
          results={results}
          name={name}
          metric={metric}
          versions={versions}
        />
      )}
    </>
  );
}
