import { useId, useState } from 'react';
import { trpc, useCampaign, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import '../styles/results.css';
import { NoEvents } from './NoEvents.tsx';
import { Timeline } from './over-time/Timeline.tsx';
import { Reach } from './Reach.tsx';
import { RuleFigures } from './RuleFigures.tsx';
import { useVersions } from './use-versions.ts';

const TWO_DAYS_MS = 2 * 24 * 60 * 60_000;

/** What people saw and did, and what it comes to. */
export function ResultsPanel() {
  const id = useId();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const rules = useCampaign((document) => document.rules) ?? {};
  const [openedAt] = useState(() => Date.now());
  const [chosen, choose] = useState<string | undefined>(undefined);
  const versions = useVersions();
  // Who may not see rules may still see results: by the names that were counted.
  const counted = trpc.analytics.timeline.useQuery(
    { campaignId, from: openedAt - TWO_DAYS_MS, to: openedAt },
    { retry: false, staleTime: Infinity },
  );
  if (counted.error) return <NotShown error={counted.error} />;
  const seen = counted.data?.filter(({ kind }) => kind === 'exposure').map(({ name }) => name) ?? [];
  const names = [...new Set([...Object.keys(rules).filter((name) => rules[name]?.status !== 'draft'), ...seen])];
  // The one that says most: it runs, and has metrics.
  const first = names.find((name) => rules[name]?.status === 'running' && rules[name].metrics) ?? names[0];
  const rule = chosen !== undefined && names.includes(chosen) ? chosen : first;
  return (
    <div className="results">
      {counted.isPending && <div className="skeleton" role="status" aria-label="Loading the results" />}
      {rule === undefined && !counted.isPending && <NoEvents rule={undefined} />}
      {rule !== undefined && (
        <>
          <div className="field">
            <div className="field-head">
              <label htmlFor={id}>Rule</label>
            </div>
            <select id={id} value={rule} onChange={(event) => choose(event.target.value)}>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </div>
          <RuleFigures key={rule} campaignId={campaignId} rule={rule} versions={versions} />
        </>
      )}
      {!counted.isPending && (
        <>
          <Timeline campaignId={campaignId} versions={versions} />
          <Reach campaignId={campaignId} versions={versions} />
        </>
      )}
    </div>
  );
}

function NotShown({ error }: { error: Parameters<typeof sayRefusal>[0] }) {
  return (
    <p className="notice" role="status">
      {(error.data?.reason ?? error.reason) === 'FORBIDDEN' ? (
        <>
          <strong>Results are not shown to you.</strong> Your role lets you look at this campaign, and not at what its
          people do. Editors may; a viewer needs a token with the claim <code>analytics</code>.
        </>
      ) : (
        sayRefusal(error)
      )}
    </p>
  );
}
