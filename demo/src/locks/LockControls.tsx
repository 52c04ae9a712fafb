import { useCallback, useSyncExternalStore } from 'react';
import type { LockStatus } from '@campaign-state/client/locks';
import { usePresence } from '@campaign-state/client/react/presence';
import { sayRefusal } from '../status/say-refusal.ts';
import { useLockOf } from './SectionLocks.tsx';

/**
 * Takes the lock of a path and gives it back; where somebody else has it, says who, and offers to wait, or to take over
 * where one may.
 *
 * @param name of what is locked, for those who only hear the buttons
 */
export function LockControls({ path, name }: { path: readonly string[]; name: string }) {
  const lock = useLockOf(path);
  const status = useSyncExternalStore(lock.subscribe, lock.getSnapshot);
  const nameOf = useNameOf();
  const holder = status.holder === undefined ? 'Somebody' : nameOf(status.holder);
  return (
    <span className="lock" data-state={status.state}>
      <span role="status">{say(status, holder)}</span>
      {status.state === 'free' && (
        <button type="button" className="small" aria-label={`Lock ${name}`} onClick={() => void lock.acquire()}>
          Lock
        </button>
      )}
      {status.state === 'mine' && (
        <button type="button" className="small" aria-label={`Unlock ${name}`} onClick={() => void lock.release()}>
          Unlock
        </button>
      )}
      {status.state === 'theirs' && (
        <button
          type="button"
          className="small"
          aria-label={`Wait for ${name}`}
          onClick={() => void lock.acquire({ wait: true })}
        >
          Wait
        </button>
      )}
      {status.state === 'theirs' && status.mayTakeOver && (
        <button type="button" className="small" aria-label={`Take over ${name}`} onClick={() => void lock.steal()}>
          Take over
        </button>
      )}
      {status.state === 'waiting' && (
        <button
          type="button"
          className="small"
          aria-label={`Stop waiting for ${name}`}
          onClick={() => void lock.release()}
        >
          Stop waiting
        </button>
      )}
    </span>
  );
}

function say({ state, error }: LockStatus, holder: string): string {
  switch (state) {
    case 'free':
      return error?.reason === 'LOCK_LOST' ? 'You no longer have the lock.' : error ? sayRefusal(error) : '';
    case 'mine':
      return 'Only you can edit this';
    case 'theirs':
      return error?.reason === 'LOCK_LOST' ? `${holder} took this over` : `${holder} is editing this`;
    case 'waiting':
      return `Waiting for ${holder}`;
  }
}

/** What people call the user of an id: their name where they are here and have one. */
function useNameOf(): (id: string) => string {
  const { members } = usePresence();
  return useCallback((id) => members?.find((member) => member.id === id)?.name ?? id, [members]);
}
