import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import type { CampaignClient } from '../../types.ts';
import { readableStore, type SvelteStore } from '../stores.ts';

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
