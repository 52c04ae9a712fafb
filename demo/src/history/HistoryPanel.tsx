import { useMemo, useState } from 'react';
import type { Entry } from '@campaign-state/client';
import { useCampaign } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import { createGrouping } from './group-entries.ts';
import { EVERYTHING, isEverything, type HistoryFilter } from './history-filter.ts';
import { HistorySearch } from './HistorySearch.tsx';
import { useSearchedHistory } from './use-searched-history.ts';
import { VirtualHistory } from './VirtualHistory.tsx';

/** Who changed what, and when; newest first, new entries as they happen; or what is looked for in it. */
export function HistoryPanel({ readOnly }: { readOnly: boolean }) {
  const [filter, setFilter] = useState(EVERYTHING);
  const { entries, status, error, hasMore, isLoading, loadMore } = useSearchedHistory(filter);
  const fields = useCampaign((document) => Object.keys(document).join('\n'));
  const isSearch = !isEverything(filter);
  const [grouping] = useState(() => createGrouping<Entry>());
  const [active, setActive] = useState<number>();
  // It may be read, or have a dialog open, when others have pushed it off the pages that are loaded.
  const groups = useMemo(() => grouping(entries, active), [grouping, entries, active]);
  const people = useMemo(() => [...new Set(entries.map(({ actor }) => actor.id))], [entries]);

  function changeFilter(to: HistoryFilter): void {
    setFilter(to);
    setActive(undefined);
  }

  return (
    <div className="history-panel">
      <HistorySearch filter={filter} people={people} places={fields.split('\n')} change={changeFilter} />
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
      <VirtualHistory
        groups={groups}
        active={active}
        setActive={setActive}
        hasCurrent={!isSearch}
        readOnly={readOnly}
        hasMore={hasMore}
        isLoading={isLoading}
        loadsAhead={status === 'success'}
        loadMore={loadMore}
      />
    </div>
  );
}
