import { computed, onScopeDispose, shallowRef, toValue, watch, type MaybeRefOrGetter, type ShallowRef } from 'vue';
import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { watchSelection } from '../../selection.ts';
import { useCampaignClient } from '../index.ts';

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
  const shown = shallowRef({ ...list.value.getSnapshot(), loadMore: list.value.loadMore });
  let stop = () => {};
  watch(
    list,
    (current) => {
      stop();
      const { loadMore } = current;
      stop = watchSelection(
        current,
        (snapshot) => snapshot,
        (snapshot) => (shown.value = { ...snapshot, loadMore }),
      );
    },
    { immediate: true, flush: 'sync' },
  );
  onScopeDispose(() => stop());
  return shown;
}
