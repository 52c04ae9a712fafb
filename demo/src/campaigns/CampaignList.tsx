import { useEffect, useRef } from 'react';
import { trpc, useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import { CreateCampaign } from './CreateCampaign.tsx';

/** All campaigns, page by page; the selected one's title and status are the live ones. */
export function CampaignList({
  selected,
  select,
}: {
  selected: string | undefined;
  select: (campaignId: string) => void;
}) {
  const list = trpc.campaign.list.useInfiniteQuery(
    { limit: 30 },
    { getNextPageParam: ({ nextCursor }) => nextCursor, refetchInterval: 15_000 },
  );
  const title = useCampaign((document) => document.title);
  const status = useCampaign((document) => document.status);
  const archivedAt = useCampaignSnapshot((snapshot) => snapshot.archivedAt);
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
  const campaigns = list.data?.pages.flatMap((page) => page.items) ?? [];
  const connection = useConnection();
  const nav = useRef<HTMLElement>(null);

  // The selected campaign is brought into view where the list scrolls, sideways or down; the page itself must not move.
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>('[aria-current=true]');
    for (const scroller of [current?.closest('ul'), nav.current]) if (current && scroller) bringInto(scroller, current);
  }, [selected, campaigns.length]);

  return (
    <nav className="campaigns" ref={nav} aria-label="Campaigns">
      <h2>Campaigns</h2>
      {list.isPending && connection.status !== 'needs-auth' && (
        <div className="skeleton" role="status" aria-label="Loading the list" />
      )}
      {list.isLoadingError && <Problem title="The list cannot be read" error={list.error} />}
      {list.isSuccess && campaigns.length === 0 && <p className="empty">No campaign yet. Create the first one.</p>}
      <ul>
        {campaigns.map((campaign) => {
          const isSelected = campaign.campaignId === selected;
          const live = isSelected && isLoaded ? { title: title ?? campaign.title, status, archivedAt } : campaign;
          const word = live.archivedAt === undefined ? live.status : 'archived';
          return (
            <li key={campaign.campaignId}>
              <button type="button" aria-current={isSelected} onClick={() => select(campaign.campaignId)}>
                <span dir="auto">{live.title}</span>
                <small data-status={word}>{word ?? 'no status'}</small>
              </button>
            </li>
          );
        })}
      </ul>
      {list.hasNextPage && (
        <button
          type="button"
          className="small"
          disabled={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          More
        </button>
      )}
      <CreateCampaign
        created={(campaignId) => {
          select(campaignId);
          void list.refetch();
        }}
      />
    </nav>
  );
}

function bringInto(scroller: Element, item: Element): void {
  const [frame, box] = [scroller.getBoundingClientRect(), item.getBoundingClientRect()];
  if (box.left < frame.left || box.right > frame.right) scroller.scrollBy({ left: box.left - frame.left });
  if (box.top < frame.top || box.bottom > frame.bottom) scroller.scrollBy({ top: box.top - frame.top });
}
