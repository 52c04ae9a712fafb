import { useEffect, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import type { Campaign, CampaignClient } from '@campaign-state/client';
import { AudienceView } from './audience/AudienceView.tsx';
import { Counting } from './audience/Counting.tsx';
import { previewKey } from './audience/preview-link.ts';
import { PreviewNote } from './audience/PreviewNote.tsx';
import { keptConsent, trackingFor, visitor } from './audience/visitor.ts';
import { connect } from './connect.ts';
import { Pill } from './status/Pill.tsx';
import { TokenForm } from './status/TokenForm.tsx';
import './styles/audience.css';

/**
 * The page alone. It is built with Preact in React's place, and reads the client's own stores, so that a visitor loads
 * neither React nor what the console's queries need.
 */
function Audience({
  client,
  campaign,
  isPreview,
}: {
  client: CampaignClient;
  campaign: Campaign;
  /** Whether it is the link to a preview that brought here: nothing is counted then. */
  isPreview: boolean;
}) {
  const snapshot = useSyncExternalStore(campaign.subscribe, campaign.getSnapshot);
  const connection = useSyncExternalStore(client.connection.subscribe, client.connection.getSnapshot);
  const { title } = snapshot.state;
  const needsToken = connection.status === 'needs-auth';
  useEffect(() => {
    if (title !== undefined) document.title = title;
  }, [title]);
  return (
    <>
      {needsToken && !isPreview && <TokenForm />}
      <main className="page-frame page-alone">
        {needsToken && isPreview ? (
          <p className="notice" role="status">
            <strong>This preview has ended.</strong> Ask for another link where you had this one from.
          </p>
        ) : (
          <AudienceView
            campaign={snapshot}
            connection={connection}
            onLead={isPreview ? undefined : () => campaign.track('lead')}
          />
        )}
      </main>
      {!isPreview && <Counting client={client} campaign={snapshot} />}
      {isPreview && !needsToken && snapshot.campaignId !== undefined && (
        <PreviewNote client={client} campaignId={snapshot.campaignId} />
      )}
      {!(isPreview && needsToken) && (
        <p className="page-connection">
          <Pill of="The connection" connection={connection} />
        </p>
      )}
    </>
  );
}

const root = document.getElementById('root');
if (!root) throw new Error('audience.html has no #root');
const preview = previewKey();
const client = connect({
  viewer: visitor(),
  ...(preview === undefined ? { tracking: trackingFor(keptConsent()) } : { token: preview }),
});
// Another link in the same tab is another visit.
addEventListener('hashchange', () => location.reload());
const campaign = client.campaign(new URLSearchParams(location.search).get('campaign') ?? undefined);
// What stands there until the script has come.
root.replaceChildren();
createRoot(root).render(<Audience client={client} campaign={campaign} isPreview={preview !== undefined} />);
