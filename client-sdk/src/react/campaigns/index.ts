import { useMemo, useSyncExternalStore } from 'react';
import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { severalCampaigns } from '../../campaigns/several-campaigns.ts';
import type { CampaignSnapshot } from '../../types.ts';
import { useCampaignClient } from '../provider/context.ts';
import { useSelected, type SelectOptions } from '../use-selected.ts';

export type { CampaignFilter, CampaignList } from '../../campaigns/campaign-list.ts';
export type { ListedCampaign } from '../../../../server/core/stream/list-events.ts';

/** What {@link useCampaigns} returns. */
export interface UseCampaignsResult extends CampaignList {
  /** Loads the next page, where `hasMore` says that there is one. */
  readonly loadMore: () => void;
}

/**
 * The campaigns that this client may see, live, by id: created ones come, renamed and archived ones change.
 *
 * `search` looks through at most 500 campaigns by itself; `loadMore` goes on.
 *
 * @example
 * const { campaigns, hasMore, loadMore } = useCampaigns({ status: 'active', search: text });
 * campaigns.map(({ campaignId, title, viewers }) => <li key={campaignId}>{title}: {viewers} watch</li>);
 */
export function useCampaigns({ status, search, limit }: CampaignFilter = {}): UseCampaignsResult {
  const client = useCampaignClient();
  const list = useMemo(() => listCampaigns(client, { status, search, limit }), [client, status, search, limit]);
  const shown = useSyncExternalStore(list.subscribe, list.getSnapshot, list.getInitialSnapshot);
  return useMemo(() => ({ ...shown, loadMore: list.loadMore }), [shown, list]);
}

/**
 * One selection over several campaigns, live. Renders only when the selection changes.
 *
 * @param select should be stable; gets the snapshots in the order of the ids
 * @example const titles = useSeveralCampaigns(['spring', 'autumn'], titlesOf, { isEqual: shallowEqual });
 */
export function useSeveralCampaigns<T>(
  campaignIds: readonly string[],
  select: (snapshots: readonly CampaignSnapshot[]) => T,
  { isEqual, enabled }: Pick<SelectOptions<T>, 'isEqual' | 'enabled'> = {},
): T {
  const client = useCampaignClient();
  // The key, not the ids: an array that is written in place is another one with every render.
  const key = JSON.stringify(campaignIds);
  const store = useMemo(() => severalCampaigns(client, idsOf(key)), [client, key]);
  return useSelected(store, select, { isEqual, enabled });
}

function idsOf(key: string): string[] {
  const ids: unknown = JSON.parse(key);
  return Array.isArray(ids) ? ids.map(String) : [];
}
