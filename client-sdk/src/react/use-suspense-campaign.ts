import { useMemo } from 'react';
import type { CampaignDocument, DeepReadonly } from '../document.ts';
import type { CampaignError } from '../errors.ts';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { UseCampaignOptions } from './use-campaign.ts';
import { shallowEqual } from '../views/shallow-equal.ts';
import { useSelected } from './use-selected.ts';

/**
 * A selection of the document, live; suspends until the first snapshot.
 *
 * @throws CampaignError to the error boundary, where the campaign cannot be read. When the boundary is reset, it is
 *   asked for again.
 *
 * @example const title = useSuspenseCampaign((s) => s.title); // string, never undefined
 */
export function useSuspenseCampaign<T>(
  selector: (state: DeepReadonly<CampaignDocument>) => T,
  { campaignId, isEqual }: Omit<UseCampaignOptions<T>, 'enabled'> = {},
): T {
  const campaign = useCampaignHandle(campaignId);
  const { isLoaded, error } = useSelected(campaign, progressOf, { isEqual: shallowEqual, hydrateWith: 'current' });
  if (!isLoaded) {
    if (error && !wasThrown(error)) throw error;
    if (error) campaign.retry();
    // A component that suspends throws a promise.
    // oxlint-disable-next-line typescript/only-throw-error
    throw loaded(campaign);
  }
  // Once it is loaded, the document is whole.
  const select = useMemo(
    () => (snapshot: CampaignSnapshot) => selector(snapshot.state as DeepReadonly<CampaignDocument>),
    [selector],
  );
  return useSelected(campaign, select, { isEqual, hydrateWith: 'current' });
}

function progressOf({ position, error }: CampaignSnapshot) {
  return { isLoaded: position !== undefined, error };
}

const thrownErrors = new WeakSet<CampaignError>();

/** React renders a component that throws once more before its error boundary does: within this, in milliseconds. */
const RERENDER_MS = 200;

/**
 * Whether an error has reached its error boundary already: then the boundary was reset, and the component asks again.
 */
function wasThrown(error: CampaignError): boolean {
  if (thrownErrors.has(error)) return true;
  setTimeout(() => thrownErrors.add(error), RERENDER_MS);
  return false;
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
