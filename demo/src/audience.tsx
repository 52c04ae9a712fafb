import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { CampaignProvider } from '@campaign-state/client/react';
import { Counting } from './audience/Counting.tsx';
import { LiveAudience } from './audience/LiveAudience.tsx';
import { keptConsent, trackingFor, visitor } from './audience/visitor.ts';
import { connect } from './connect.ts';
import { ConnectionPill } from './status/ConnectionPill.tsx';
import './styles/index.css';

const root = document.getElementById('root');
if (!root) throw new Error('audience.html has no #root');
const campaignId = new URLSearchParams(location.search).get('campaign') ?? undefined;
const client = connect({ viewer: visitor(), tracking: trackingFor(keptConsent()) });
createRoot(root).render(
  <StrictMode>
    <CampaignProvider client={client} {...(campaignId !== undefined && { campaignId })}>
      <main className="page-frame page-alone">
        <LiveAudience onLead={() => client.campaign(campaignId).track('lead')} />
      </main>
      <Counting />
      <p className="page-connection">
        <ConnectionPill of="The connection" />
      </p>
    </CampaignProvider>
  </StrictMode>,
);
