import type { Pending } from './pending.ts';
import type { RejectedMutation, SyncState, SyncStatus } from '../types.ts';

/** The sync status of this client's own edits, as users see it. */
export function syncStatus(
  pending: readonly Pending[],
  rejected: readonly RejectedMutation[],
  isVolatile: boolean,
  connected: boolean,
): SyncStatus {
  const pendingCount = pending.filter(({ delivery }) => delivery.kind !== 'accepted').length;
  return {
    state: stateOf(pending.length, pendingCount, isVolatile, connected),
    pendingCount,
    unsavedCount: pending.length,
    oldestPendingAt: pending[0]?.madeAt,
    rejected,
  };
}

function stateOf(unsaved: number, pending: number, isVolatile: boolean, connected: boolean): SyncState {
  if (unsaved === 0) return isVolatile ? 'volatile' : 'saved';
  return pending > 0 && !connected ? 'waiting' : 'saving';
}
