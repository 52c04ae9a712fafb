import { computed, toValue, type MaybeRefOrGetter, type ShallowRef } from 'vue';
import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { severalCampaigns } from '../../campaigns/several-campaigns.ts';
import type { CampaignSnapshot } from '../../types.ts';
import { shallowEqual } from '../../views/shallow-equal.ts';
import { follow, type FollowOptions } from '../follow.ts';
import { useCampaignClient } from '../client.ts';

export type { CampaignFilter, CampaignList };
export type { ListedCampaign } from '../../../../server/core/stream/list-events.ts';

/** What {@link useCampaigns} holds. */
export interface UseCampaignsResult extends CampaignList {
  /** Loads the next page, where `hasMore` says that there is one. */
  readonly loadMore: () => void;
}

/**
 * The campaigns that this client may see, live. A ref or a getter may change the filter.
 *
 * @example const list = useCampaigns(() => ({ status: 'active', search: text.value })); // list.value.campaigns
 */
export function useCampaigns(filter?: MaybeRefOrGetter<CampaignFilter>): Readonly<ShallowRef<UseCampaignsResult>> {
  const client = useCampaignClient();
  const list = computed(() => listCampaigns(client, toValue(filter)));
  return follow(
    () => list.value,
    (snapshot) => ({ ...snapshot, loadMore: list.value.loadMore }),
    { isEqual: shallowEqual },
  );
}

/**
 * One selection over several campaigns, live. A ref or a getter may change the ids.
 *
 * @param select gets the snapshots in the order of the ids
 * @example const both = useSeveralCampaigns(["spring", "autumn"], (all) => all.map(titleOf).join()); // both.value
 */
export function useSeveralCampaigns<T>(
  campaignIds: MaybeRefOrGetter<readonly string[]>,
  select: (snapshots: readonly CampaignSnapshot[]) => T,
  options?: FollowOptions<T>,
): Readonly<ShallowRef<T>> {
  const client = useCampaignClient();
  return follow(() => severalCampaigns(client, toValue(campaignIds)), select, options);
}
