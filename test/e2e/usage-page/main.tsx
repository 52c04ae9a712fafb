import { createRoot } from 'react-dom/client';
import { createCampaignClient } from '@campaign-state/client';
import { CampaignProvider } from '@campaign-state/client/react';
import { CampaignManager } from '../../../client-sdk/examples/usage.tsx';

const server = new URLSearchParams(location.search).get('server');
const root = document.getElementById('root');
if (server === null || !root) throw new Error('This page needs ?server=');
createRoot(root).render(
  <CampaignProvider client={createCampaignClient({ url: server })}>
    <CampaignManager />
  </CampaignProvider>,
);
