import type { FeatureName } from '../document.ts';
import type { Conflict } from '../sync/conflicts.ts';
import type { Campaign, CampaignSnapshot, SyncStatus } from '../types.ts';

/*
 * Views of a campaign that all bindings show: selectors of its snapshot, with the functions that belong to what is
 * shown. Two selections with equal members are the same (`shallowEqual`).
 */

/** The state of this client's own edits, and how to take what is said of them off the list. */
export interface SyncView extends SyncStatus {
  /** Removes a refusal, or all of them, from `rejected`. */
  readonly dismiss: (mutationId?: string) => void;
}

export function syncOf({ dismiss }: Campaign): (snapshot: CampaignSnapshot) => SyncView {
  return ({ sync }) => ({ ...sync, dismiss });
}

/** Undo and redo of this client's own edits. */
export interface UndoView {
  /** Takes back this client's newest step, as a new edit. Does nothing where there is none. */
  readonly undo: () => void;
  /** Makes again what was last taken back. */
  readonly redo: () => void;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

export function undoOf(campaign: Campaign): (snapshot: CampaignSnapshot) => UndoView {
  const undo = () => void campaign.undo();
  const redo = () => void campaign.redo();
  return ({ canUndo, canRedo }) => ({ canUndo, canRedo, undo, redo });
}

/** The conflicts of this client's edits with those of others, and how to resolve them. */
export interface ConflictsView {
  /** Places in which this client's edits are kept back until they are resolved (`onConflict: 'ask'`). */
  readonly conflicts: readonly Conflict[];
  /** Places in which this client's edits have overwritten what somebody else had changed. */
  readonly overwritten: readonly Conflict[];
  /** Sends what was kept back, or drops it. */
  readonly resolve: Campaign['resolveConflict'];
  /** Takes what was overwritten by that edit, or all of it, off the list. */
  readonly dismiss: Campaign['dismiss'];
}

export function conflictsOf({
  resolveConflict: resolve,
  dismiss,
}: Campaign): (snapshot: CampaignSnapshot) => ConflictsView {
  return ({ sync: { conflicts, overwritten } }) => ({ conflicts, overwritten, resolve, dismiss });
}

/** Whether a feature is on; `defaultValue` before the first snapshot. */
export function featureOf(name: FeatureName, defaultValue = false): (snapshot: CampaignSnapshot) => boolean {
  return ({ position, state }) => (position === undefined ? defaultValue : (state.features?.includes(name) ?? false));
}
