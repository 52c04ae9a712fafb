import type { VersionName } from '../../../server/core/stream/position.ts';
import type { ConfigSection } from '../../../server/core/document/campaign.ts';
import type { ConfigMode, FeaturesAction } from '../../../server/core/commands/command.ts';
import type { Entry, Receipt } from '../../../server/core/stream/entry.ts';
import type { CampaignDocument, CampaignUpdates, FeatureName, SectionValue } from '../document.ts';
import type { CampaignError } from '../errors.ts';
import type { BatchBuilder, CampaignLoadStatus, Change, ConnectionState, EditOptions, SyncStatus } from '../types.ts';

/** Which campaign a hook reads: by default the provider's. */
export interface CampaignHookOptions {
  readonly campaignId?: string | undefined;
  /** With `false` the hook asks the server for nothing. */
  readonly enabled?: boolean | undefined;
}

/**
 * The functions that change a campaign. Stable for as long as the campaign is the same, and the same under both names.
 */
export interface CampaignUpdaters {
  readonly updateCampaign: (updates: CampaignUpdates, options?: EditOptions) => Change;
  readonly updateFeatures: (features: readonly FeatureName[], action: FeaturesAction, options?: EditOptions) => Change;
  readonly updateCampaignFeatures: CampaignUpdaters['updateFeatures'];
  readonly updateConfig: <S extends ConfigSection>(
    section: S,
    value: SectionValue<S>,
    mode?: ConfigMode,
    options?: EditOptions,
  ) => Change;
  readonly updateCampaignConfig: CampaignUpdaters['updateConfig'];
  readonly batch: (build: (batch: BatchBuilder) => void, options?: EditOptions) => Change;
  readonly rollback: (toVersion: VersionName, options?: EditOptions) => Promise<Receipt>;
}

/** What {@link useCampaignState} returns. */
export interface UseCampaignStateResult extends CampaignUpdaters {
  readonly campaignId: string | undefined;
  /** Never undefined: a frozen `{}` before the first snapshot. */
  readonly state: Readonly<Partial<CampaignDocument>>;
  readonly status: CampaignLoadStatus;
  /** Nothing has been received yet. */
  readonly isPending: boolean;
  /** What is shown was kept on this device, and the server has not been reached since. */
  readonly isStale: boolean;
  readonly error: CampaignError | undefined;
  readonly version: number;
  readonly durableVersion: number;
  /** Epoch milliseconds, while the campaign is archived and therefore read-only. */
  readonly archivedAt: number | undefined;
}

/** What `useServiceState('campaign')` returns. */
export interface ServiceState {
  readonly state: Readonly<Partial<CampaignDocument>>;
  readonly status: CampaignLoadStatus;
  readonly connection: ConnectionState;
  /** Edits that the server has not yet accepted. */
  readonly pendingCount: number;
  readonly error: CampaignError | undefined;
}

/** What {@link useSyncStatus} returns. */
export interface UseSyncStatusResult extends SyncStatus {
  /** Takes a refusal, or all of them, off `rejected`. */
  readonly dismiss: (mutationId?: string) => void;
}

/** What {@link useCampaignHistory} returns: entries newest first, the live ones included. */
export interface UseCampaignHistoryResult {
  readonly entries: readonly Entry[];
  readonly status: CampaignLoadStatus;
  readonly error: CampaignError | undefined;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  /** Loads the next page of older entries. */
  readonly fetchNextPage: () => void;
}

/** What {@link useUndo} returns. */
export interface UseUndoResult {
  readonly undo: () => void;
  readonly redo: () => void;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}
