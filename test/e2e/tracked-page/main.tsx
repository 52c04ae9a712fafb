import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createCampaignClient, type Viewer } from '@campaign-state/client';
import { startTracking } from '@campaign-state/client/analytics';
import { CampaignProvider } from '@campaign-state/client/react';
import { useExperiment, useTrack } from '@campaign-state/client/react/experiments';

const server = new URLSearchParams(location.search).get('server');
const root = document.getElementById('root');
if (server === null || !root) throw new Error('This page needs ?server=');

/** The same for every tab and visit of this browser. */
const deviceId = (localStorage.getItem('device') ?? crypto.randomUUID()).slice(0, 36);
localStorage.setItem('device', deviceId);
const viewer: Viewer = { attributes: { deviceId } };
const client = createCampaignClient({ url: server, viewer });
const tracking = startTracking(client);

function Page() {
  const { arm } = useExperiment('offer');
  const track = useTrack();
  const [done, setDone] = useState('');
  return (
    <>
      <p role="note">{arm ?? ''}</p>
      <button onClick={() => client.setViewer({ attributes: { ...viewer.attributes, userId: 'ada' } })}>Log in</button>
      <button onClick={() => track('lead')}>Sign up</button>
      <button onClick={() => tracking.setConsent(false)}>Withdraw</button>
      <button onClick={() => void client.forget()}>Log out</button>
      <button
        onClick={() => {
          setDone('');
          void tracking.flush().then(() => setDone('sent'));
        }}
      >
        Send
      </button>
      <output>{done}</output>
    </>
  );
}

createRoot(root).render(
  <CampaignProvider client={client} campaignId="ovasabi_website">
    <Page />
  </CampaignProvider>,
);
