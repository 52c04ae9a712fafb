import { useSyncStatus } from '@campaign-state/client/react';

/** Edits that the server refused for good; the view is without them again. */
export function Refusals() {
  const { rejected, dismiss } = useSyncStatus();
  if (rejected.length === 0) return undefined;
  return (
    <ul className="refusals" role="alert">
      {rejected.map(({ mutationId, error }) => (
        <li key={mutationId}>
          <span>Not accepted: {error.message}</span>
          <button type="button" className="small" onClick={() => dismiss(mutationId)}>
            Dismiss
          </button>
        </li>
      ))}
    </ul>
  );
}
