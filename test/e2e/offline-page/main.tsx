import { createRoot } from 'react-dom/client';
import { createCampaignClient } from '@campaign-state/client';
import { CampaignProvider, useCampaignState, useConnection, useSyncStatus } from '@campaign-state/client/react';

function Page() {
  const { state, updateCampaign, updateFeatures } = useCampaignState();
  const { status } = useConnection();
  const { state: sync, unsavedCount } = useSyncStatus();
  return (
    <>
      <label>
        Title{' '}
        <input value={state.title ?? ''} onChange={(event) => void updateCampaign({ title: event.target.value })} />
      </label>
      <form
        action={(data) => {
          const name = data.get('feature');
          if (typeof name === 'string') void updateFeatures([name], 'add');
        }}
      >
        <label>
          Feature <input name="feature" />
        </label>
      </form>
      <p role="note">{state.features?.join(' ')}</p>
      <output>{`${status} ${sync} ${unsavedCount}`}</output>
    </>
  );
}

const server = new URLSearchParams(location.search).get('server');
const root = document.getElementById('root');
if (server === null || !root) throw new Error('This page needs ?server=');
createRoot(root).render(
  <CampaignProvider client={createCampaignClient({ url: server, persist: true })} campaignId="ovasabi_website">
    <Page />
  </CampaignProvider>,
);
