import { useCampaignSnapshot, useSyncStatus } from '@campaign-state/client/react';
import type { SyncStatus } from '@campaign-state/client';
import { Ago } from '../history/Ago.tsx';
import { useSettled } from '../use-settled.ts';

/**
 * Whether what was edited here is kept. Seen at once; said aloud only when it lasts, for typing changes it all the
 * time.
 */
export function SaveStatus() {
  const sync = useSyncStatus();
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
  const words = say(sync);
  const settled = useSettled(words, 1_000);
  if (!isLoaded) return <span className="save-status" />;
  return (
    <>
      <span className="save-status" data-state={sync.state} title={words}>
        {words}
        {sync.state === 'waiting' && sync.oldestPendingAt !== undefined && (
          <>
            , the first made <Ago at={sync.oldestPendingAt} />
          </>
        )}
      </span>
      <span className="visually-hidden" role="status">
        {settled}
      </span>
    </>
  );
}

function say({ state, unsavedCount }: SyncStatus): string {
  switch (state) {
    case 'saved':
      return 'All changes saved';
    case 'saving':
      return `Saving ${count(unsavedCount)}`;
    case 'waiting':
      return `${count(unsavedCount)} unsaved, waiting for the connection`;
    case 'volatile':
      return 'Accepted; this server keeps nothing';
  }
}

function count(changes: number): string {
  return changes === 1 ? '1 change' : `${changes} changes`;
}
