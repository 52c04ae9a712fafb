import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { listCampaigns, type CampaignFilter, type CampaignList } from '../../campaigns/campaign-list.ts';
import { campaignTable, type CampaignTable, type CampaignTableQuery } from '../../campaigns/campaign-table.ts';
import { severalCampaigns } from '../../campaigns/several-campaigns.ts';
import type { CampaignSnapshot } from '../../types.ts';
import { useCampaignClient } from '../provider/context.ts';
import { useSelected, type SelectOptions } from '../use-selected.ts';

export type { CampaignFilter, CampaignList } from '../../campaigns/campaign-list.ts';
export type { CampaignTable, CampaignTableQuery } from '../../campaigns/campaign-table.ts';
export type { ListSort } from '../../../../server/core/stream/list-query.ts';
export type { ListedCampaign } from '../../../../server/core/stream/list-events.ts';

/** What {@link useCampaigns} returns. */
export interface UseCampaignsResult extends CampaignList {
  /** Loads the next page, where `hasMore` says that there is one. */
  readonly loadMore: () => void;
}

/**
 * The campaigns that this client may see, live, by id: created ones come, renamed and archived ones change.
 *
 * @example
 * const { campaigns, hasMore, loadMore } = useCampaigns({ status: 'active', search: text });
 * campaigns.map(({ campaignId, title, viewers }) => <li key={campaignId}>{title}: {viewers} watch</li>);
 */
export function useCampaigns(filter: CampaignFilter = {}): UseCampaignsResult {
  const { status, search, owner, tag, archived, limit } = filter;
  const client = useCampaignClient();
  const list = useMemo(
    () => listCampaigns(client, { status, search, owner, tag, archived, limit }),
    [client, status, search, owner, tag, archived, limit],
  );
  const shown = useSyncExternalStore(list.subscribe, list.getSnapshot, list.getInitialSnapshot);
  return useMemo(() => ({ ...shown, loadMore: list.loadMore }), [shown, list]);
}

/** What {@link useCampaignTable} returns. */
export interface UseCampaignTableResult extends CampaignTable {
  /** Says which rows are in view, by their places; these are loaded, and live. At most 200. */
  readonly show: (first: number, last: number) => void;
}

/**
 * The campaigns that this client may see, as a long table of which a part is in view, for a virtual list: only that
 * part is loaded, and live, so that ten thousand campaigns cost what ten do.
 *
 * While the rows of another query are on their way, those of the one before are shown, with the status `pending`.
 *
 * @example
 * const { total, rows, show } = useCampaignTable({ search: text, sort: 'updated' });
 * const virtual = useVirtualizer({ count: total, … });
 * useEffect(() => show(virtual.range?.startIndex ?? 0, virtual.range?.endIndex ?? 0));
 */
export function useCampaignTable(query: CampaignTableQuery = {}): UseCampaignTableResult {
  const { search, status, owner, tag, archived, sort } = query;
  const client = useCampaignClient();
  const table = useMemo(
    () => campaignTable(client, { search, status, owner, tag, archived, sort }),
    [client, search, status, owner, tag, archived, sort],
  );
  const shown = useSyncExternalStore(table.subscribe, table.getSnapshot, table.getInitialSnapshot);
  /** The rows of the query before, while those of another one are on their way. */
  const [known, setKnown] = useState(shown);
  if (shown.status !== 'pending' && shown !== known) setKnown(shown);
  // They are the former user's, and not shown to another one.
  useEffect(
    () => client.onRenewed(({ isOtherUser }) => isOtherUser && setKnown(table.getInitialSnapshot())),
    [client, table],
  );
  const latest = shown.status === 'pending' ? known : shown;
  return useMemo(
    () => ({ status: shown.status, total: latest.total, rows: latest.rows, error: latest.error, show: table.show }),
    [shown, latest, table],
  );
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
