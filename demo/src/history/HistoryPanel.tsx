import { useState } from 'react';
import { useCampaign } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import { groupEntries } from './group-entries.ts';
import { EVERYTHING, isEverything } from './history-filter.ts';
import { HistoryRow } from './HistoryRow.tsx';
import { HistorySearch } from './HistorySearch.tsx';
import { useSearchedHistory } from './use-searched-history.ts';

/** Who changed what, and when; newest first, new entries as they happen; or what is looked for in it. */
export function HistoryPanel({ readOnly }: { readOnly: boolean }) {
  const [filter, setFilter] = useState(EVERYTHING);
  const { entries, status, error, hasMore, isLoading, loadMore } = useSearchedHistory(filter);
  const fields = useCampaign((document) => Object.keys(document).join('\n'));
  const isSearch = !isEverything(filter);
  const groups = groupEntries(entries);
  return (
    <>
      <HistorySearch
        filter={filter}
        people={[...new Set(entries.map(({ actor }) => actor.id))]}
        places={fields.split('\n')}
        change={setFilter}
      />
      {status === 'error' && <Problem title="The history cannot be read" error={error} />}
      {status === 'pending' && <div className="skeleton" role="status" aria-label="Loading the history" />}
      {status === 'success' && groups.length === 0 && (
        <p className="empty" role="status">
          {!isSearch
            ? 'Nothing has happened yet. The first edit will stand here.'
            : isLoading
              ? 'Looking further back…'
              : 'Nothing of that kind has happened. Look for less, or show everything.'}
        </p>
      )}
      <ol className="history">
        {groups.map((group, index) => (
          <HistoryRow
            key={group.oldest.version}
            group={group}
            isCurrent={!isSearch && index === 0}
            readOnly={readOnly}
          />
        ))}
      </ol>
      {hasMore && (
        <button type="button" disabled={isLoading} onClick={loadMore}>
          {isLoading ? 'Loading…' : 'Older entries'}
        </button>
      )}
    </>
  );
}
