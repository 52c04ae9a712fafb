import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { describeChange } from './describe-change.ts';
import type { ChangedLine } from './describe-change.ts';

const LINES = 12;

/**
 * What lies between two versions, as lines of before and after.
 *
 * @param from the version before the first change; 0 for a campaign that did not exist
 * @param created the entry's own change, where there is no version before it
 */
export function Difference({
  from,
  to,
  created,
}: {
  from: number;
  to: number;
  created: Readonly<Record<string, unknown>>;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const asked = { enabled: from > 0, staleTime: Infinity };
  const before = trpc.campaign.at.useQuery({ campaignId, version: from }, asked);
  const between = trpc.campaign.diff.useQuery({ campaignId, from, to }, asked);
  if (from > 0 && (before.isPending || between.isPending)) return <p className="empty">Reading version {from}…</p>;
  const error = before.error ?? between.error;
  if (error)
    return (
      <p className="field-error">
        Version {from} cannot be read: {sayRefusal(error)}
      </p>
    );
  return <DifferenceLines lines={describeChange(before.data?.state, between.data?.change ?? created)} />;
}

/** Lines of before and after, as many as are read. */
export function DifferenceLines({ lines }: { lines: readonly ChangedLine[] }) {
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
