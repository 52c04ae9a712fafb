import { useEffect, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import type { Campaign, CampaignClient } from '@campaign-state/client';
import { AudienceView } from './audience/AudienceView.tsx';
import { Counting } from './audience/Counting.tsx';
import { keptConsent, trackingFor, visitor } from './audience/visitor.ts';
import { connect } from './connect.ts';
import { Pill } from './status/Pill.tsx';
import { TokenForm } from './status/TokenForm.tsx';
import './styles/audience.css';

/**
 * The page alone. It is built with Preact in React's place, and reads the client's own stores, so that a visitor loads
 * neither React nor what the console's queries need.
 */
function Audience({ client, campaign }: { client: CampaignClient; campaign: Campaign }) {
  const snapshot = useSyncExternalStore(campaign.subscribe, campaign.getSnapshot);
  const connection = useSyncExternalStore(client.connection.subscribe, client.connection.getSnapshot);
  const { title } = snapshot.state;
  useEffect(() => {
    if (title !== undefined) document.title = title;
  }, [title]);
  return (
    <>
      {connection.status === 'needs-auth' && <TokenForm />}
      <main className="page-frame page-alone">
        <AudienceView campaign={snapshot} connection={connection} onLead={() => campaign.track('lead')} />
      </main>
      <Counting client={client} campaign={snapshot} />
      <p className="page-connection">
        <Pill of="The connection" connection={connection} />
      </p>
    </>
  );
}

const root = document.getElementById('root');
if (!root) throw new Error('audience.html has no #root');
const client = connect({ viewer: visitor(), tracking: trackingFor(keptConsent()) });
const campaign = client.campaign(new URLSearchParams(location.search).get('campaign') ?? undefined);
// What stands there until the script has come.
root.replaceChildren();
createRoot(root).render(<Audience client={client} campaign={campaign} />);
