import { skipToken, type SkipToken } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { CampaignView, FeatureName } from '../document.ts';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions, CampaignUpdaters, UseCampaignStateResult } from './types.ts';
import { updatersOf } from './updaters.ts';
import { featureOf } from '../views/campaign-views.ts';
import { useSelected } from './use-selected.ts';
import { useView } from './use-view.ts';

/** Options of hooks that select. */
export interface UseCampaignOptions<T> extends CampaignHookOptions {
  /**
   * When two selections count as the same. Default `Object.is`, for equal parts of two snapshots are the same objects;
   * {@link shallowEqual} for a selector that makes a new object.
   */
  readonly isEqual?: ((a: T, b: T) => boolean) | undefined;
}

/**
 * A selection of the document, live. Renders only when the selection changes.
 *
 * @param selector gets the document as it is known: every member may be missing before the first snapshot
 *
 * @example const banner = useCampaign((s) => s.ui_content?.banner);
 */
export function useCampaign<T>(selector: (state: CampaignView) => T, options?: UseCampaignOptions<T>): T;
/** With `skipToken` (of TanStack Query) it subscribes to nothing and returns `undefined`. */
export function useCampaign<T>(
  selector: ((state: CampaignView) => T) | SkipToken,
  options?: UseCampaignOptions<T | undefined>,
): T | undefined;
export function useCampaign<T>(
  selector: ((state: CampaignView) => T) | SkipToken,
  { campaignId, enabled = true, isEqual }: UseCampaignOptions<T | undefined> = {},
): T | undefined {
  const skipped = selector === skipToken;
  const select = useMemo(
    () => (snapshot: CampaignSnapshot) => (selector === skipToken ? undefined : selector(snapshot.state)),
    [selector],
  );
  return useSelected(useCampaignHandle(campaignId), select, { isEqual, enabled: enabled && !skipped });
}

/**
 * A selection of the whole snapshot: the document, and status, version, error and the like. Renders only when the
 * selection changes, where {@link useCampaignState} renders at every version and every commit.
 *
 * @example const version = useCampaignSnapshot((snapshot) => snapshot.version);
 */
export function useCampaignSnapshot<T>(
  selector: (snapshot: CampaignSnapshot) => T,
  { campaignId, enabled, isEqual }: UseCampaignOptions<T> = {},
): T {
  return useSelected(useCampaignHandle(campaignId), selector, { isEqual, enabled });
}

/**
 * The whole document, its status, and the functions that edit it. Renders at every change.
 *
 * @example const { state, updateCampaign, status } = useCampaignState();
 */
export function useCampaignState(options?: CampaignHookOptions): UseCampaignStateResult {
  return useView(stateOf, options);
}

function stateOf(campaign: Campaign) {
  const updaters = updatersOf(campaign);
  return (snapshot: CampaignSnapshot): UseCampaignStateResult => {
    const { campaignId, state, status, isStale, error, failureReason, failureCount } = snapshot;
    const { version, durableVersion, archivedAt } = snapshot;
    return {
      campaignId,
      state,
      status,
      isPending: status === 'pending',
      isStale,
      error,
      failureReason,
      failureCount,
      version,
      durableVersion,
      archivedAt,
      ...updaters,
    };
  };
}

/**
 * The functions that edit a campaign, without reading it: a component that uses only this never renders because of it.
 *
 * @example const { updateCampaignFeatures } = useCampaignUpdates();
 */
export function useCampaignUpdates(campaignId?: string): CampaignUpdaters {
  const campaign = useCampaignHandle(campaignId);
  return useMemo(() => updatersOf(campaign), [campaign]);
}

/**
 * Whether a feature is on.
 *
 * @returns `defaultValue` (default false) before the first snapshot
 *
 * @example const showLeaderboard = useFeature('leaderboard');
 */
export function useFeature(
  name: FeatureName,
  options: CampaignHookOptions & { readonly defaultValue?: boolean } = {},
): boolean {
  const { campaignId, enabled, defaultValue } = options;
  const select = useMemo(() => featureOf(name, defaultValue), [name, defaultValue]);
  return useCampaignSnapshot(select, { campaignId, enabled });
}
