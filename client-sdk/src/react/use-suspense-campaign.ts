import { useMemo } from 'react';
import type { CampaignDocument } from '../document.ts';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './context.ts';
import type { UseCampaignOptions } from './use-campaign.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/**
 * A part of the document, live; suspends until there is one, and throws to the error boundary where it cannot be had.
 *
 * @example const title = useSuspenseCampaign((s) => s.title); // string, never undefined
 */
export function useSuspenseCampaign<T>(
  selector: (state: Readonly<CampaignDocument>) => T,
  { campaignId, isEqual }: Omit<UseCampaignOptions<T>, 'enabled'> = {},
): T {
  const campaign = useCampaignHandle(campaignId);
  const { isLoaded, error } = useSelected(campaign, progressOf, { isEqual: shallowEqual, hydrateWith: 'current' });
  if (!isLoaded) {
    if (error) throw error;
    // What React wants of a component that is not ready.
    // oxlint-disable-next-line typescript/only-throw-error
    throw loaded(campaign);
  }
  // Once it is loaded, the document is whole.
  const select = useMemo(
    () => (snapshot: CampaignSnapshot) => selector(snapshot.state as CampaignDocument),
    [selector],
  );
  return useSelected(campaign, select, { isEqual, hydrateWith: 'current' });
}

function progressOf({ position, error }: CampaignSnapshot) {
  return { isLoaded: position !== undefined, error };
}

const loading = new WeakMap<Campaign, Promise<void>>();

/** Watches the campaign until something is known of it: a component that suspends has no effects that could. */
function loaded(campaign: Campaign): Promise<void> {
  const underWay = loading.get(campaign);
  if (underWay) return underWay;
  const promise = new Promise<void>((resolve) => {
    const stop = campaign.subscribe(() => {
      const { isLoaded, error } = progressOf(campaign.getSnapshot());
      if (!isLoaded && !error) return;
      stop();
      loading.delete(campaign);
      resolve();
    });
  });
  loading.set(campaign, promise);
  return promise;
}
