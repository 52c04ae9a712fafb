import type { VersionName } from '../../../server/core/stream/position.ts';
import type { ConfigSection } from '../../../server/core/document/campaign.ts';
import type { ConfigMode, FeaturesAction } from '../../../server/core/commands/command.ts';
import type { Receipt } from '../../../server/core/stream/entry.ts';
import type { CampaignUpdates, CampaignView, FeatureName, SectionValue } from '../document.ts';
import type { CampaignError } from '../errors.ts';
import type { WaitOptions } from '../within.ts';
import type { BatchBuilder, CampaignLoadStatus, Change, EditOptions } from '../types.ts';

/** Options that all hooks of a campaign take. */
export interface CampaignHookOptions {
  /** Which campaign is read. Default: the provider's. */
  readonly campaignId?: string | undefined;
  /** With `false` the hook subscribes to nothing, and returns what is known already. Default true. */
  readonly enabled?: boolean | undefined;
}

/**
 * The functions that edit a campaign, as on {@link Campaign}. They are stable for as long as the campaign is the same,
 * and the same functions under both names.
 */
export interface CampaignUpdaters {
  /** Merge patch on the document: `null` removes a member. */
  readonly updateCampaign: (updates: CampaignUpdates, options?: EditOptions) => Change;
  /** The ordered set of features: `add`, `remove`, or `set` it as a whole. */
  readonly updateFeatures: (features: readonly FeatureName[], action: FeaturesAction, options?: EditOptions) => Change;
  /** The same as `updateFeatures`. */
  readonly updateCampaignFeatures: CampaignUpdaters['updateFeatures'];
  /** One section, merged (default) or replaced. */
  readonly updateConfig: <S extends ConfigSection>(
    section: S,
    value: SectionValue<S>,
    mode?: ConfigMode,
    options?: EditOptions,
  ) => Change;
  /** The same as `updateConfig`. */
  readonly updateCampaignConfig: CampaignUpdaters['updateConfig'];
  /** Several edits as one entry, all or nothing. */
  readonly batch: (build: (batch: BatchBuilder) => void, options?: EditOptions) => Change;
  /** Back to the state of an earlier version, as a new version. */
  readonly rollback: (toVersion: VersionName, options?: EditOptions & WaitOptions) => Promise<Receipt>;
}

/** What {@link useCampaignState} returns. */
export interface UseCampaignStateResult extends CampaignUpdaters {
  /** `undefined` until the server has named its default campaign. */
  readonly campaignId: string | undefined;
  /** Confirmed state plus optimistic edits. Never undefined: a frozen `{}` before the first snapshot. */
  readonly state: CampaignView;
  /** `pending` before the first snapshot, `error` where the campaign cannot be read. */
  readonly status: CampaignLoadStatus;
  /** `status === 'pending'`. */
  readonly isPending: boolean;
  /**
   * The state was restored from this device (`persist`), and the server has not confirmed it since; or it comes from a
   * relay whose own server is away.
   */
  readonly isStale: boolean;
  /** Why the campaign cannot be read. */
  readonly error: CampaignError | undefined;
  /** Why the last attempt to reach the server, or to read the campaign, failed; until one succeeds. */
  readonly failureReason: CampaignError | undefined;
  /** Attempts that failed in a row; 0 while all is well. */
  readonly failureCount: number;
  /** The version of the confirmed state; 0 before the first snapshot. */
  readonly version: number;
  /** Everything up to this version is committed in Postgres. */
  readonly durableVersion: number;
  /** Epoch milliseconds, while the campaign is archived and therefore read-only. */
  readonly archivedAt: number | undefined;
}

/** What {@link useSyncStatus} returns. */
export type { SyncView as UseSyncStatusResult } from '../views/campaign-views.ts';
/** What {@link useUndo} returns. */
export type { UndoView as UseUndoResult } from '../views/campaign-views.ts';
/** What `useServiceState('campaign')` returns. */
export type { ServiceState } from '../views/service-state.ts';
/** What {@link useCampaignHistory} returns. */
export type { HistoryView as UseCampaignHistoryResult } from '../history/campaign-history.ts';
