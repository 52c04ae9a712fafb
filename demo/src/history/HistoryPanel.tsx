import { useCampaignHistory } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import { groupEntries } from './group-entries.ts';
import { HistoryRow } from './HistoryRow.tsx';

/** Who changed what, and when; newest first, new entries as they happen. */
export function HistoryPanel({ readOnly }: { readOnly: boolean }) {
  const { entries, status, error, hasNextPage, isFetchingNextPage, fetchNextPage } = useCampaignHistory();
  if (status === 'error') return <Problem title="The history cannot be read" error={error} />;
  if (status === 'pending') return <div className="skeleton" role="status" aria-label="Loading the history" />;
  if (entries.length === 0) return <p className="empty">Nothing has happened yet. The first edit will stand here.</p>;
  const groups = groupEntries(entries);
  return (
    <>
      <ol className="history">
        {groups.map((group, index) => (
          <HistoryRow key={group.oldest.version} group={group} isCurrent={index === 0} readOnly={readOnly} />
        ))}
      </ol>
      {hasNextPage && (
        <button type="button" disabled={isFetchingNextPage} onClick={fetchNextPage}>
          {isFetchingNextPage ? 'Loading…' : 'Older entries'}
        </button>
      )}
    </>
  );
}
