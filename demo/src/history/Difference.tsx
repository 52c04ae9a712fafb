import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { composeChanges, describeChange } from './describe-change.ts';
import type { ChangedLine } from './describe-change.ts';

const LINES = 12;

/** What some consecutive changes did together, against the document as it was before them. */
export function Difference({
  since,
  changes,
}: {
  since: number;
  changes: readonly Readonly<Record<string, unknown>>[];
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const before = trpc.campaign.at.useQuery({ campaignId, version: since }, { enabled: since > 0, staleTime: Infinity });
  if (since > 0 && before.isPending) return <p className="empty">Reading version {since}…</p>;
  if (before.isError)
    return (
      <p className="field-error">
        Version {since} cannot be read: {sayRefusal(before.error)}
      </p>
    );
  const lines = describeChange(before.data?.state, composeChanges(changes));
  return (
    <dl className="difference">
      {lines.slice(0, LINES).map((line) => (
        <div key={line.path}>
          <dt>{line.path}</dt>
          <dd>
            <Line line={line} />
          </dd>
        </div>
      ))}
      {lines.length > LINES && (
        <div>
          <dt>and {lines.length - LINES} more</dt>
        </div>
      )}
    </dl>
  );
}

function Line({ line }: { line: ChangedLine }) {
  if (line.kind === 'set') {
    if (line.added.length + line.removed.length === 0) return <>another order</>;
    return (
      <>
        {line.removed.map((item) => (
          <del key={item}>{item}</del>
        ))}
        {line.added.map((item) => (
          <ins key={item}>{item}</ins>
        ))}
      </>
    );
  }
  return (
    <>
      {line.before !== undefined && <del>{line.before}</del>}
      {line.after !== undefined && <ins>{line.after}</ins>}
    </>
  );
}
