import { trpc } from '@campaign-state/client/react';
import { Ago } from '../history/Ago.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { sayCount, saySize, saySpan } from './say-amounts.ts';

/** How often it is asked, in milliseconds: while one is saved, and else. */
const ASK_MS = { running: 500, resting: 10_000 } as const;

/** Snapshots: the last one, those that are kept with their age, and one now. */
export function Snapshots() {
  const status = trpc.snapshot.status.useQuery(undefined, {
    refetchInterval: ({ state }) => (state.data?.isRunning === true ? ASK_MS.running : ASK_MS.resting),
    retry: false,
  });
  const take = trpc.snapshot.takeNow.useMutation({ onSettled: () => status.refetch() });
  const { data } = status;
  return (
    <section aria-label="Snapshots">
      <h3>Snapshots</h3>
      {status.isPending && <div className="skeleton" role="status" aria-label="Loading the snapshots" />}
      {status.isError && <p className="field-error">{sayRefusal(status.error)}</p>}
      {data?.everyMs === undefined && data && (
        <p className="notice">
          This server saves no snapshots. Start it with <code>SNAPSHOT_DIR</code>, or save one from outside:{' '}
          <code>npx @campaign-state/server snapshot --out campaigns.jsonl.gz</code>
        </p>
      )}
      {data?.everyMs !== undefined && (
        <>
          <p className="panel-intro">
            One every {saySpan(data.everyMs)}; the newest {data.keep} are kept, and those that they rest on.
          </p>
          <p role="status">
            {data.isRunning ? (
              'Saving one now…'
            ) : data.last ? (
              <>
                The last one was saved <Ago at={data.last.at} />:{' '}
                {sayCount(data.last.campaigns, 'campaign', 'campaigns')} with{' '}
                {sayCount(data.last.entries, 'entry', 'entries')}, {saySize(data.last.bytes)}.
              </>
            ) : (
              'None has been saved yet.'
            )}
          </p>
          {data.last !== undefined && data.last.damaged > 0 && (
            <p className="field-error">
              {sayCount(data.last.damaged, 'campaign is', 'campaigns are')} not in it, because rows do not fit together:
              verify all of them.
            </p>
          )}
          {data.failure !== undefined && (
            <p className="field-error" role="alert">
              The last attempt failed: {data.failure}
            </p>
          )}
          <p className="section-buttons">
            <button
              type="button"
              className="primary"
              disabled={data.isRunning || take.isPending}
              onClick={() => take.mutate()}
            >
              Snapshot now
            </button>
          </p>
          {take.isError && (
            <p className="field-error" role="alert">
              {sayRefusal(take.error)}
            </p>
          )}
          {data.files.length === 0 ? (
            <p className="empty">The folder of this instance is empty. The first snapshot will stand here.</p>
          ) : (
            <ul className="snapshot-files" aria-label="Snapshots that are kept">
              {data.files.map(({ name, bytes, at, isIncrement }) => (
                <li key={name}>
                  <code>{name}</code>
                  <span>
                    {isIncrement && 'changes only · '}
                    {saySize(bytes)} · <Ago at={at} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </section>
  );
}
