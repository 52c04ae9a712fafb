import { useMemo } from 'react';
import type { CampaignDocument } from '../document.ts';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './context.ts';
import type { UseCampaignOptions } from './use-campaign.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/**
 * A selection of the document, live; suspends until the first snapshot.
 *
 * @throws CampaignError to the error boundary, where the campaign cannot be read
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
    // A component that suspends throws a promise.
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

const loadingByCampaign = new WeakMap<Campaign, Promise<void>>();

/** Subscribes until the first snapshot or an error: a component that suspends has no effects that could. */
function loaded(campaign: Campaign): Promise<void> {
  const existing = loadingByCampaign.get(campaign);
  if (existing) return existing;
  const promise = new Promise<void>((resolve) => {
    const stop = campaign.subscribe(() => {
      const { isLoaded, error } = progressOf(campaign.getSnapshot());
      if (!isLoaded && !error) return;
      stop();
      loadingByCampaign.delete(campaign);
      resolve();
    });
  });
  loadingByCampaign.set(campaign, promise);
  return promise;
}
