import { computed, onScopeDispose, shallowRef, watch, type ComputedRef } from 'vue';
import type { CampaignUpdates } from '../document.ts';
import type { Campaign, Change, Pace } from '../types.ts';
import { NO_OUTCOME, trackEdit, type EditView } from '../views/edit-outcome.ts';
import { watchLostConnection, type LostConnectionOptions } from '../views/lost-connection.ts';
import { useCampaignClient, useCampaignHandle, type UseCampaignOptions } from './client.ts';

/** What {@link usePacedUpdate} returns. */
export interface UsePacedUpdateResult {
  /** As `campaign.update`: shown at once, sent together with the updates close to it. */
  readonly updateCampaign: (updates: CampaignUpdates) => Change;
  /** Sends held updates now: when a field loses focus. Done by itself when the component goes. */
  readonly flush: () => void;
}

/**
 * Updates for what is typed or dragged: each is shown at once, those close to each other are sent as one mutation.
 *
 * @example const { updateCampaign, flush } = usePacedUpdate({ wait: 300 }); // @input, @blur
 */
export function usePacedUpdate({
  campaignId,
  ...pace
}: Pace & Pick<UseCampaignOptions, 'campaignId'>): UsePacedUpdateResult {
  const campaign = useCampaignHandle({ campaignId });
  watch(campaign, (_next, before) => before.flush());
  const flush = () => campaign.value.flush();
  onScopeDispose(flush);
  return { updateCampaign: (updates) => campaign.value.pacedUpdate(updates, pace), flush };
}

/**
 * One edit with its outcome, as a form needs it: a button that waits, a field's error, a tick once it is saved.
 *
 * @param edit what `mutate` does with the campaign
 * @example const save = useCampaignEdit((campaign, title: string) => campaign.update({ title }));
 * // save.value.mutate('Spring'), save.value.isPending, save.value.error
 */
export function useCampaignEdit<Arguments extends readonly unknown[]>(
  edit: (campaign: Campaign, ...args: Arguments) => Change,
  options?: Pick<UseCampaignOptions, 'campaignId'>,
): ComputedRef<EditView<Arguments>> {
  const campaign = useCampaignHandle(options);
  const outcome = shallowRef(NO_OUTCOME);
  const functions = computed(() => trackEdit(campaign.value, edit, (next) => (outcome.value = next)));
  return computed(() => ({ ...outcome.value, ...functions.value }));
}

/**
 * Calls back when the connection has been down for a while (`lost`), and when it is up again (`restored`).
 *
 * @example useLostConnection((event) => toast(event === 'lost' ? 'Changes are kept' : 'Connected again'));
 */
export function useLostConnection(
  callback: (event: 'lost' | 'restored') => void,
  options?: LostConnectionOptions,
): void {
  onScopeDispose(watchLostConnection(useCampaignClient().connection, callback, options));
}
