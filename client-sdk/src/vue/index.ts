import {
  computed,
  inject,
  onScopeDispose,
  provide,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type InjectionKey,
  type MaybeRefOrGetter,
  type ShallowRef,
} from 'vue';
import { watchSelection } from '../selection.ts';
import type { Campaign, CampaignClient, CampaignSnapshot, ConnectionState } from '../types.ts';

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
  if (!provided) throw new Error('There is no client: call provideCampaign in a component above');
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

/**
 * A selection of a campaign's snapshot, live. What reads it is rendered only when it changes.
 *
 * @param select default: the whole snapshot
 * @example const title = useCampaign(({ state }) => state.title); // title.value
 */
export function useCampaign(): Readonly<ShallowRef<CampaignSnapshot>>;
export function useCampaign<T>(
  select: (snapshot: CampaignSnapshot) => T,
  options?: UseCampaignOptions,
): Readonly<ShallowRef<T>>;
export function useCampaign(
  select: (snapshot: CampaignSnapshot) => unknown = (snapshot) => snapshot,
  options: UseCampaignOptions = {},
): Readonly<ShallowRef<unknown>> {
  const campaign = useCampaignHandle(options);
  const selection = shallowRef<unknown>(undefined);
  let stop = () => {};
  watch(
    campaign,
    (current) => {
      stop();
      stop = watchSelection(current, select, (selected) => (selection.value = selected));
    },
    { immediate: true, flush: 'sync' },
  );
  onScopeDispose(() => stop());
  return selection;
}

/**
 * The state of the connection to the server.
 *
 * @example const connection = useConnection(); // connection.value.status
 */
export function useConnection(): Readonly<ShallowRef<ConnectionState>> {
  const { connection } = useCampaignClient();
  const state = shallowRef(connection.getSnapshot());
  onScopeDispose(connection.subscribe(() => (state.value = connection.getSnapshot())));
  return state;
}
