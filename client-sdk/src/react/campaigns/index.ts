import { useMemo, useSyncExternalStore } from 'react';
import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { useCampaignClient } from '../provider/context.ts';

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
