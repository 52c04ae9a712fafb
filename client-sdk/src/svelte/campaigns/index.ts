import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { severalCampaigns } from '../../campaigns/several-campaigns.ts';
import type { CampaignClient, CampaignSnapshot } from '../../types.ts';
import { readableStore, storeOf, type SvelteStore } from '../stores.ts';

export type { CampaignFilter, CampaignList };
export type { ListedCampaign } from '../../../../server/core/stream/list-events.ts';

/** A live list as a Svelte store, with `loadMore` for its next page. */
export interface CampaignsStore extends SvelteStore<CampaignList> {
  readonly loadMore: () => void;
}

/**
 * The campaigns that this client may see, live.
 *
 * @example const list = campaignsStore(client, { status: 'active' }); // {#each $list.campaigns as { title }}
 */
export function campaignsStore(client: CampaignClient, filter?: CampaignFilter): CampaignsStore {
  const list = listCampaigns(client, filter);
  return { ...readableStore(list), loadMore: list.loadMore };
}

/**
 * One selection over several campaigns, live.
 *
 * @param select gets the snapshots in the order of the ids
 * @param isEqual when two selections count as the same; default `Object.is`
 * @example const both = severalStore(client, ["spring", "autumn"], (all) => all.map(titleOf), shallowEqual);
 */
export function severalStore<T>(
  client: CampaignClient,
  campaignIds: readonly string[],
  select: (snapshots: readonly CampaignSnapshot[]) => T,
  isEqual?: (a: T, b: T) => boolean,
): SvelteStore<T> {
  return storeOf(severalCampaigns(client, campaignIds), select, isEqual);
}
