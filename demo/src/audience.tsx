import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { CampaignProvider } from '@campaign-state/client/react';
import { LiveAudience } from './audience/LiveAudience.tsx';
import { connect } from './connect.ts';
import { ConnectionPill } from './status/ConnectionPill.tsx';
import './styles/index.css';

const root = document.getElementById('root');
if (!root) throw new Error('audience.html has no #root');
const campaignId = new URLSearchParams(location.search).get('campaign');
createRoot(root).render(
  <StrictMode>
    <CampaignProvider client={connect()} {...(campaignId !== null && { campaignId })}>
      <main className="page-frame page-alone">
        <LiveAudience />
      </main>
      <p className="page-connection">
        <ConnectionPill of="The connection" />
      </p>
    </CampaignProvider>
  </StrictMode>,
);
