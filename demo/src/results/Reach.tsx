import { trpc } from '@campaign-state/client/react';
import { Ago } from '../history/Ago.tsx';
import { useNow } from '../use-now.ts';
import type { VersionMark } from './results.ts';
import { sayCount } from './say-figures.ts';

/** Changes that are followed, the newest. */
const SHOWN = 5;
/** For how long a change spreads, and reports of it come in, in milliseconds. */
const SPREADING_MS = 60_000;
/** How often it is asked, in milliseconds: meanwhile, and after. */
const ASK_MS = { spreading: 1_000, resting: 30_000 } as const;

/** How many pages have painted each of the newest versions, and how fast, as it happens. */
export function Reach({ campaignId, versions }: { campaignId: string; versions: readonly VersionMark[] }) {
  const newest = versions.toSorted((a, b) => b.version - a.version).slice(0, SHOWN);
  return (
    <section className="reach" aria-label="Reach">
      <h3>How far a change has come</h3>
      {newest.length === 0 ? (
        <p className="empty">Nothing has changed yet.</p>
      ) : (
        <ul>
          {newest.map(({ version, at }) => (
            <ReachOf key={version} campaignId={campaignId} version={version} at={at} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ReachOf({ campaignId, version, at }: { campaignId: string } & VersionMark) {
  const isSpreading = useNow() - at < SPREADING_MS;
  const reach = trpc.analytics.reach.useQuery(
    { campaignId, version },
    { refetchInterval: isSpreading ? ASK_MS.spreading : ASK_MS.resting, retry: false },
  );
  const { painted = 0, connected = 0, reports = 0, p99 } = reach.data ?? {};
  return (
    <li>
      <strong>v{version}</strong>{' '}
      {reports === 0 ? (
        reach.isPending ? (
          '…'
        ) : (
          'no page has reported it'
        )
      ) : (
        <>
          reached {sayCount(painted)}
          {painted <= connected && ` of ${sayCount(connected)}`} {painted === 1 && connected === 1 ? 'page' : 'pages'}
          {p99 !== undefined && `, p99 ${sayMilliseconds(p99)}`}
        </>
      )}{' '}
      <span className="reach-when">
        <Ago at={at} />
      </span>
    </li>
  );
}

function sayMilliseconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${sayCount(milliseconds)} ms` : `${sayCount(milliseconds / 1_000)} s`;
}
