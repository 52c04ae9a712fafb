import { plainOf } from '../../../server/core/document/document-tree.ts';
import { asDocument } from '../document.ts';
import type { CampaignError } from '../errors.ts';
import { positionOf } from '../sync/mirror.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import { syncStatus, type DeviceView } from '../sync/sync-status.ts';
import type { CampaignSnapshot } from '../types.ts';
import type { Editor } from './editor.ts';
import { NO_FAILURE, type Failure } from './failure.ts';
import type { Settlements } from './settlements.ts';

const NO_ENTRIES: CampaignSnapshot['recentEntries'] = Object.freeze([]);

const NO_ASSIGNMENTS: CampaignSnapshot['assignments'] = Object.freeze({});

export interface SnapshotSources {
  readonly campaignId: string;
  readonly edits: PendingEdits;
  readonly settlements: Settlements;
  readonly editor: Editor;
  readonly device: DeviceView;
}

/** What of a campaign's state is the store's own. */
export interface WatchState extends Failure {
  readonly isStale: boolean;
  readonly error: CampaignError | undefined;
  readonly isConnected: boolean;
  readonly isViewerPending: boolean;
}

/** The snapshot that the app sees, put together of all that is known of a campaign at this moment. */
export function snapshotOf(
  { campaignId, edits, settlements, editor, device }: SnapshotSources,
  { isStale, error, isConnected, isViewerPending, failureReason, failureCount }: WatchState,
): CampaignSnapshot {
  const mirror = edits.mirror();
  return {
    campaignId,
    status: error ? 'error' : mirror ? 'success' : 'pending',
    state: asDocument(plainOf(edits.view())),
    isStale,
    assignments: mirror?.assignments ?? NO_ASSIGNMENTS,
    isViewerPending,
    position: mirror && positionOf(mirror),
    version: mirror?.version ?? 0,
    durableVersion: mirror?.durableVersion ?? 0,
    archivedAt: mirror?.content.archivedAt,
    recentEntries: mirror?.recent ?? NO_ENTRIES,
    sync: syncStatus(edits.list(), settlements.answers(), isConnected, device),
    canUndo: editor.canUndo(),
    canRedo: editor.canRedo(),
    error,
    failureReason,
    failureCount,
  };
}

/** The snapshot of the default campaign, before the server has said which campaign it is. */
export const UNKNOWN_CAMPAIGN: CampaignSnapshot = Object.freeze({
  campaignId: undefined,
  status: 'pending',
  state: Object.freeze({}),
  isStale: false,
  assignments: NO_ASSIGNMENTS,
  isViewerPending: false,
  position: undefined,
  version: 0,
  durableVersion: 0,
  archivedAt: undefined,
  recentEntries: NO_ENTRIES,
  sync: Object.freeze({
    state: 'saved',
    pendingCount: 0,
    unsavedCount: 0,
    pageOnlyCount: 0,
    storage: 'off',
    oldestPendingAt: undefined,
    rejected: Object.freeze([]),
    conflicts: Object.freeze([]),
    overwritten: Object.freeze([]),
  }),
  canUndo: false,
  canRedo: false,
  error: undefined,
  ...NO_FAILURE,
});
