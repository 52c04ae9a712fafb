import { useEffect, useRef } from 'react';
import { useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { useCampaigns } from '@campaign-state/client/react/campaigns';
import { Problem } from '../status/Problem.tsx';
import { CreateCampaign } from './CreateCampaign.tsx';

/** All campaigns, live, with how many watch each; the selected one's title and status are those of the document. */
export function CampaignList({
  selected,
  select,
}: {
  selected: string | undefined;
  select: (campaignId: string) => void;
}) {
  const { campaigns, status: listStatus, error, hasMore, loadMore } = useCampaigns();
  const title = useCampaign((document) => document.title);
  const status = useCampaign((document) => document.status);
  const archivedAt = useCampaignSnapshot((snapshot) => snapshot.archivedAt);
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
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
      {listStatus === 'pending' && connection.status !== 'needs-auth' && (
        <div className="skeleton" role="status" aria-label="Loading the list" />
      )}
      {listStatus === 'error' && campaigns.length === 0 && connection.status !== 'needs-auth' && (
        <Problem title="The list cannot be read" error={error} />
      )}
      {listStatus === 'success' && campaigns.length === 0 && (
        <p className="empty">No campaign yet. Create the first one.</p>
      )}
      <ul>
        {campaigns.map((campaign) => {
          const isSelected = campaign.campaignId === selected;
          const live = isSelected && isLoaded ? { title: title ?? campaign.title, status, archivedAt } : campaign;
          const word = live.archivedAt === undefined ? live.status : 'archived';
          return (
            <li key={campaign.campaignId}>
              <button type="button" aria-current={isSelected} onClick={() => select(campaign.campaignId)}>
                <span dir="auto">{live.title}</span>
                <small data-status={word}>
                  {word ?? 'no status'}
                  {(campaign.viewers ?? 0) > 0 && <span className="viewers"> · {campaign.viewers} watching</span>}
                </small>
              </button>
            </li>
          );
        })}
      </ul>
      {hasMore && (
        <button type="button" className="small" onClick={loadMore}>
          More
        </button>
      )}
      <CreateCampaign created={select} />
    </nav>
  );
}

function bringInto(scroller: Element, item: Element): void {
  const [frame, box] = [scroller.getBoundingClientRect(), item.getBoundingClientRect()];
  if (box.left < frame.left || box.right > frame.right) scroller.scrollBy({ left: box.left - frame.left });
  if (box.top < frame.top || box.bottom > frame.bottom) scroller.scrollBy({ top: box.top - frame.top });
}
