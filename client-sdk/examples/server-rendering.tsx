import { createCampaignClient, prefetchCampaign, type CampaignClient, type CampaignSeed } from '@campaign-state/client';
import { CampaignProvider, useCampaign } from '@campaign-state/client/react';

function Page() {
  const title = useCampaign((state) => state.title);
  return <h1>{title}</h1>;
}

/** The same tree on the server and in the browser. */
export function App({ client }: { client: CampaignClient }) {
  return (
    <CampaignProvider client={client}>
      <Page />
    </CampaignProvider>
  );
}

/** On the server, per request: read once, render with it, and send it to the browser for `clientFor`. */
export async function seedFor(url: string, token?: string): Promise<CampaignSeed> {
  const reading = createCampaignClient({ url, token });
  try {
    return await prefetchCampaign(reading);
  } finally {
    reading.close();
  }
}

/** On the server and again in the browser: it connects only once something is mounted. */
export function clientFor(url: string, seed: CampaignSeed): CampaignClient {
  return createCampaignClient({ url, seeds: [seed] });
}
