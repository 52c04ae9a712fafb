import { useSyncStatus } from '@campaign-state/client/react';
import { EDITOR, useKeptFocus } from '../ways/use-kept-focus.ts';
import { sayRefusal } from './say-refusal.ts';

/** Edits that the server refused for good; the view is without them again. */
export function Refusals() {
  const { rejected, dismiss } = useSyncStatus();
  useKeptFocus(EDITOR, rejected.length);
  if (rejected.length === 0) return undefined;
  return (
    <ul className="refusals" role="alert">
      {rejected.map(({ mutationId, error }) => (
        <li key={mutationId}>
          <span>Not accepted: {sayRefusal(error)}</span>
          <button type="button" className="small" onClick={() => dismiss(mutationId)}>
            Dismiss
          </button>
        </li>
      ))}
    </ul>
  );
}
