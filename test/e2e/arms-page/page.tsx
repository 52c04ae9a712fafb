import type { CampaignClient, Viewer } from '@campaign-state/client';
import { CampaignProvider, useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { useExperiment } from '@campaign-state/client/react/experiments';

/** What both ends of a rendered page begin with. */
export interface ArmsPageProps {
  readonly client: CampaignClient;
  readonly logIn: (viewer: Viewer) => void;
}

const USER: Viewer = { attributes: { deviceId: 'd-1', userId: 'u-2' } };

/** The same tree where the page is rendered and in the browser. */
export function ArmsPage({ client, logIn }: ArmsPageProps) {
  return (
    <CampaignProvider client={client} campaignId="ovasabi_website">
      <Banner />
      <button onClick={() => logIn(USER)}>Log in</button>
      <Status />
    </CampaignProvider>
  );
}

function Banner() {
  const banner = useCampaign((state) => state.ui_content?.banner);
  const { arm } = useExperiment('greeting');
  return banner !== undefined && <h1>{`${banner} (${arm})`}</h1>;
}

function Status() {
  const { status } = useConnection();
  const isPending = useCampaignSnapshot((snapshot) => snapshot.isViewerPending);
  const isDurable = useCampaignSnapshot((snapshot) => snapshot.durableVersion > 0);
  return <output>{`${status} ${isPending ? 'pending' : 'settled'} ${isDurable ? 'live' : 'cold'}`}</output>;
}
