import { useConflicts } from '@campaign-state/client/react';
import type { Place } from '../model/patch-at.ts';

/**
 * Says that somebody else has changed a list while something in it was typed here: a list is one place, whatever of it
 * was changed.
 */
export function PlaceConflict({ place }: { place: Place }) {
  const { conflicts, overwritten, resolve, dismiss } = useConflicts();
  const key = JSON.stringify(place);
  const found = [...conflicts, ...overwritten].find(({ path }) => JSON.stringify(path) === key);
  if (!found) return undefined;
  const { mutationId } = found;
  const isKeptBack = conflicts.includes(found);
  return (
    <p className="field-conflict" role="status">
      Somebody else has changed this list while you edited it.{' '}
      {isKeptBack ? (
        <>
          <button type="button" className="small" onClick={() => resolve(mutationId, 'theirs')}>
            Take theirs
          </button>{' '}
          <button type="button" className="small" onClick={() => resolve(mutationId, 'mine')}>
            Keep mine
          </button>
        </>
      ) : (
        <button type="button" className="small" onClick={() => dismiss(mutationId)}>
          Keep mine
        </button>
      )}
    </p>
  );
}
