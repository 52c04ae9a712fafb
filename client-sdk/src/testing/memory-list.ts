import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import { passesFilter, type ListFilter as Narrowed } from '../../../server/core/stream/list-query.ts';
import type { MemoryCampaign } from './memory-campaign.ts';

/** Filter of `campaign.list` and `campaign.watchList`, as far as it matters for one campaign. */
export interface ListFilter extends Narrowed {
  readonly cursor?: string | undefined;
  readonly offset?: number | undefined;
  readonly sort?: string | undefined;
  readonly campaignIds?: readonly string[] | undefined;
}

/** The campaign as a list shows it to an administrator, where the filter lets it through. */
export function listed(
  campaign: MemoryCampaign,
  filter: ListFilter,
): readonly (ListedCampaign & { updatedBy: string })[] {
  const { cursor, offset = 0, campaignIds } = filter;
  const { campaignId } = campaign;
  const { state, archivedAt } = campaign.content();
  const newest = campaign.history().at(-1);
  if (offset > 0 || (cursor !== undefined && campaignId <= cursor)) return [];
  if (campaignIds && !campaignIds.includes(campaignId)) return [];
  const { title, status, owner_id: owner, tags } = state;
  const row = {
    campaignId,
    title: typeof title === 'string' ? title : '',
    version: campaign.head().version,
    updatedAt: newest?.at ?? 0,
    updatedBy: newest?.actor.id ?? '',
    ...(typeof status === 'string' && { status }),
    ...(typeof owner === 'string' && { owner }),
    ...(Array.isArray(tags) && tags.length > 0 && { tags: tags.filter((tag) => typeof tag === 'string') }),
    ...(archivedAt !== undefined && { archivedAt }),
  };
  return passesFilter(row, filter) ? [row] : [];
}

/** Plays `campaign.watchList`: the page at once, then what changes on it. Returns how to unsubscribe. */
export function watchListed(
  campaign: MemoryCampaign,
  filter: ListFilter,
  send: (event: ListEvent) => void,
): () => void {
  let shown = listed(campaign, filter);
  send({ type: 'page', campaigns: shown, ...totalOf(filter, shown) });
  return campaign.subscribe({}, (_resumeId, event) => {
    if (event.type === 'durable') return;
    const now = listed(campaign, filter);
    if (JSON.stringify(now) === JSON.stringify(shown)) return;
    const removed = now.length === 0 ? shown.map(({ campaignId }) => campaignId) : [];
    shown = now;
    send({ type: 'changes', changed: now, removed, ...totalOf(filter, now) });
  });
}

/** How many campaigns there are, where the list is one that is counted. */
export function totalOf({ offset, sort = 'id' }: ListFilter, rows: readonly unknown[]): { total?: number } {
  return offset === undefined && sort === 'id' ? {} : { total: rows.length };
}
