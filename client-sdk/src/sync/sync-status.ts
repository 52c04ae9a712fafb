import { mergeConflicts, type Conflict } from './conflicts.ts';
import type { Pending } from './pending.ts';
import type { RejectedMutation, StorageStatus, SyncState, SyncStatus } from '../types.ts';

/** The device's storage, as the sync status needs it. */
export interface DeviceView {
  readonly status: () => StorageStatus;
  readonly isStored: (mutation: Pending['mutation']) => boolean;
}

/** A client that keeps nothing on the device. */
export const NO_DEVICE: DeviceView = { status: () => 'off', isStored: () => false };

/** The number of edits that exist only in this page: neither accepted by the server nor stored on the device. */
export function countPageOnly(pending: readonly Pending[], device: DeviceView): number {
  return pending.filter(({ delivery, mutation }) => delivery.kind !== 'accepted' && !device.isStored(mutation)).length;
}

/** What has been answered about this client's edits. */
export interface Answers {
  readonly rejected: readonly RejectedMutation[];
  readonly overwritten: readonly Conflict[];
  /** Whether the last answer about durability was that the server has none. */
  readonly isVolatile: boolean;
}

const NO_CONFLICTS: readonly Conflict[] = Object.freeze([]);

/** The conflicts that are to be resolved: the newest of each place. */
function openConflicts(pending: readonly Pending[]): readonly Conflict[] {
  return pending.reduce((open, { conflicts }) => (conflicts ? mergeConflicts(open, conflicts) : open), NO_CONFLICTS);
}

/** The sync status of this client's own edits, as users see it. */
export function syncStatus(
  pending: readonly Pending[],
  { rejected, overwritten, isVolatile }: Answers,
  connected: boolean,
  device: DeviceView,
): SyncStatus {
  const pendingCount = pending.filter(({ delivery }) => delivery.kind !== 'accepted').length;
  const isKeptBack = pending.every(({ delivery }) => delivery.kind === 'conflicted' || delivery.kind === 'accepted');
  return {
    state: stateOf(pending.length, pendingCount, isVolatile, connected && !isKeptBack),
    pendingCount,
    unsavedCount: pending.length,
    pageOnlyCount: countPageOnly(pending, device),
    storage: device.status(),
    oldestPendingAt: pending[0]?.madeAt,
    rejected,
    conflicts: openConflicts(pending),
    overwritten,
  };
}

function stateOf(unsaved: number, pending: number, isVolatile: boolean, connected: boolean): SyncState {
  if (unsaved === 0) return isVolatile ? 'volatile' : 'saved';
  return pending > 0 && !connected ? 'waiting' : 'saving';
}
