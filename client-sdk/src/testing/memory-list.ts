import type { ListedCampaign, ListEvent } from '../../../server/core/stream/list-events.ts';
import type { MemoryCampaign } from './memory-campaign.ts';

/** Filter of `campaign.list` and `campaign.watchList`, as far as it matters for one campaign. */
export interface ListFilter {
  readonly cursor?: string | undefined;
  readonly status?: string | undefined;
  readonly campaignIds?: readonly string[] | undefined;
}

/** The campaign as a list shows it to an administrator, where the filter lets it through. */
export function listed(
  campaign: MemoryCampaign,
  filter: ListFilter,
): readonly (ListedCampaign & { updatedBy: string })[] {
  const { cursor, status, campaignIds } = filter;
  const { campaignId } = campaign;
  const { state, archivedAt } = campaign.content();
  const newest = campaign.history().at(-1);
  if (cursor !== undefined && campaignId <= cursor) return [];
  if (campaignIds && !campaignIds.includes(campaignId)) return [];
  if (status !== undefined && state['status'] !== status) return [];
  return [
    {
      campaignId,
      title: typeof state['title'] === 'string' ? state['title'] : '',
      version: campaign.head().version,
      updatedAt: newest?.at ?? 0,
      updatedBy: newest?.actor.id ?? '',
      ...(typeof state['status'] === 'string' && { status: state['status'] }),
      ...(archivedAt !== undefined && { archivedAt }),
    },
  ];
}

/** Plays `campaign.watchList`: the page at once, then what changes on it. Returns how to unsubscribe. */
export function watchListed(
  campaign: MemoryCampaign,
  filter: ListFilter,
  send: (event: ListEvent) => void,
): () => void {
  let shown = listed(campaign, filter);
  send({ type: 'page', campaigns: shown });
  return campaign.subscribe({}, (_resumeId, event) => {
    if (event.type === 'durable') return;
    const now = listed(campaign, filter);
    if (JSON.stringify(now) === JSON.stringify(shown)) return;
    const removed = now.length === 0 ? shown.map(({ campaignId }) => campaignId) : [];
    shown = now;
    send({ type: 'changes', changed: now, removed });
  });
}
