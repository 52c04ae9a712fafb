import { trpc } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { sayCount } from './say-amounts.ts';

const DAY_MS = 86_400_000;

/** How much is kept of this campaign's history, and what is there. */
export function Retention({ campaignId }: { campaignId: string }) {
  const { data, error } = trpc.audit.retention.useQuery({ campaignId }, { retry: false });
  return (
    <section aria-label="History">
      <h3>History</h3>
      {error && <p className="field-error">{sayRefusal(error)}</p>}
      {data && (
        <p role="status">
          Kept of {campaignId}: {sayKept(data.keep)}, {data.isOwn ? 'as was said of it' : 'as of all campaigns'}. There
          {data.firstVersion === data.version
            ? ` is version ${data.version}.`
            : ` are versions ${data.firstVersion} to ${data.version}.`}
        </p>
      )}
      <p className="panel-intro">
        <code>audit keep {campaignId} 500,30d</code> keeps the newest 500 versions, and the last 30 days; what is older
        is deleted.
      </p>
    </section>
  );
}

function sayKept({ versions, ageMs }: { readonly versions?: number | undefined; readonly ageMs?: number | undefined }) {
  const parts = [
    versions === undefined ? undefined : sayCount(versions, 'version', 'versions'),
    ageMs === undefined ? undefined : sayCount(Math.round(ageMs / DAY_MS), 'day', 'days'),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join(' and ');
}
