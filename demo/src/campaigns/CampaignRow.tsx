import type { ListedCampaign } from '@campaign-state/client/react/campaigns';
import { Ago } from '../history/Ago.tsx';

/** One campaign of the list: what it is called, how it stands, and who changed it last. */
export function CampaignRow({
  campaign,
  isOpen,
  isInTabOrder,
  isChosen,
  open,
  choose,
}: {
  /** Missing while it is loaded; the button is the same one then, and keeps the focus. */
  campaign: ListedCampaign | undefined;
  isOpen: boolean;
  /** One row of the list is reached by Tab, the others by the arrow keys. */
  isInTabOrder: boolean;
  /** Missing while nothing is chosen for an action on several. */
  isChosen: boolean | undefined;
  open: () => void;
  choose: (isChosen: boolean) => void;
}) {
  const name = campaign?.title || campaign?.campaignId || 'Loading a campaign';
  return (
    <>
      {isChosen !== undefined && (
        <input
          type="checkbox"
          aria-label={`Choose ${name}`}
          checked={isChosen}
          tabIndex={isInTabOrder ? 0 : -1}
          onChange={(event) => choose(event.target.checked)}
        />
      )}
      <button
        type="button"
        aria-current={isOpen}
        aria-label={campaign ? undefined : name}
        tabIndex={isInTabOrder ? 0 : -1}
        title={campaign?.campaignId}
        data-campaign={campaign?.campaignId}
        onClick={open}
      >
        {campaign ? <Facts campaign={campaign} name={name} /> : <div className="skeleton row-skeleton" />}
      </button>
    </>
  );
}

function Facts({ campaign, name }: { campaign: ListedCampaign; name: string }) {
  const { status, archivedAt, viewers = 0, updatedAt, updatedBy } = campaign;
  const word = archivedAt === undefined ? status : 'archived';
  return (
    <>
      <span dir="auto">{name}</span>
      <small>
        <span data-status={word}>{word ?? 'no status'}</span>
        {viewers > 0 && <> · {viewers} watching</>}
        {' · '}
        <Ago at={updatedAt} />
        {updatedBy !== undefined && <> by {updatedBy}</>}
      </small>
    </>
  );
}
