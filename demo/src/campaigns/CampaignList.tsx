import { useEffect, useRef } from 'react';
import { trpc, useCampaign } from '@campaign-state/client/react';
import { Problem } from '../status/Problem.tsx';
import { CreateCampaign } from './CreateCampaign.tsx';

/** All campaigns, page by page; the selected one's title and status are the live ones. */
export function CampaignList({ selected, select }: { selected: string | undefined; select: (campaignId: string) => void }) {
  const list = trpc.campaign.list.useInfiniteQuery({ limit: 30 }, { getNextPageParam: ({ nextCursor }) => nextCursor, refetchInterval: 15_000 });
  const title = useCampaign((state) => state.title);
  const status = useCampaign((state) => state.status);
  const campaigns = list.data?.pages.flatMap((page) => page.items) ?? [];
  const strip = useRef<HTMLUListElement>(null);

  // Where the list is a strip that scrolls sideways, the selected campaign is brought into it; the page itself must not move.
  useEffect(() => {
    const current = strip.current?.querySelector<HTMLElement>('[aria-current=true]');
    if (current) strip.current?.scrollTo({ left: current.offsetLeft - strip.current.offsetLeft });
  }, [selected, campaigns.length]);

  return (
    <nav className="campaigns" aria-label="Campaigns">
      <h2>Campaigns</h2>
      {list.isPending && <div className="skeleton" role="status" aria-label="Loading the list" />}
      {list.isLoadingError && <Problem title="The list cannot be read" error={list.error} />}
      {list.isSuccess && campaigns.length === 0 && <p className="empty">No campaign yet. Create the first one.</p>}
      <ul ref={strip}>
        {campaigns.map((campaign) => {
          const isSelected = campaign.campaignId === selected;
          const shown = isSelected ? { title: title ?? campaign.title, status: status ?? campaign.status } : campaign;
          return (
            <li key={campaign.campaignId}>
              <button type="button" aria-current={isSelected} onClick={() => select(campaign.campaignId)}>
                <span>{shown.title}</span>
                <small data-status={shown.status}>{shown.status ?? 'no status'}</small>
              </button>
            </li>
          );
        })}
      </ul>
      {list.hasNextPage && (
        <button type="button" className="small" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
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
