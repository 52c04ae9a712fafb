import { computed, inject, provide, toValue, type ComputedRef, type InjectionKey, type MaybeRefOrGetter } from 'vue';
import type { Campaign, CampaignClient } from '../types.ts';

interface ProvidedCampaign {
  readonly client: CampaignClient;
  readonly campaignId: MaybeRefOrGetter<string | undefined>;
}

const KEY: InjectionKey<ProvidedCampaign> = Symbol('campaign-state');

/** The key under which `app.provide` takes what {@link provideCampaign} provides. */
export { KEY as campaignKey };

/** Options of the composables. */
export interface UseCampaignOptions {
  /** Which campaign is read. Default: the provided one. A ref or a getter may change it. */
  readonly campaignId?: MaybeRefOrGetter<string | undefined>;
  /** With `false`, what is known is shown, and nothing is subscribed to. Default true. */
  readonly enabled?: MaybeRefOrGetter<boolean | undefined>;
}

/**
 * Provides a client, and a campaign, to the components below.
 *
 * @param campaignId default: the server's default campaign
 * @example provideCampaign(client, 'spring'); // in setup; in an app: app.provide(campaignKey, { client, campaignId })
 */
export function provideCampaign(client: CampaignClient, campaignId?: MaybeRefOrGetter<string | undefined>): void {
  provide(KEY, { client, campaignId });
}

function injected(): ProvidedCampaign {
  const provided = inject(KEY, undefined);
  if (!provided) throw new Error('No client: call provideCampaign in a component above');
  return provided;
}

/**
 * The provided client.
 *
 * @throws Error without `provideCampaign` above
 */
export function useCampaignClient(): CampaignClient {
  return injected().client;
}

/**
 * The handle of a campaign, with everything to edit it.
 *
 * @example const campaign = useCampaignHandle(); // campaign.value.update({ title: 'New' })
 */
export function useCampaignHandle({ campaignId }: UseCampaignOptions = {}): ComputedRef<Campaign> {
  const provided = injected();
  return computed(() => provided.client.campaign(toValue(campaignId) ?? toValue(provided.campaignId)));
}
