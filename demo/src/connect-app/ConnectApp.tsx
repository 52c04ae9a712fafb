import { useCampaignSnapshot } from '@campaign-state/client/react';
import { lazyPart } from '../status/lazy-part.tsx';
import { DialogButton } from '../ways/DialogButton.tsx';

const Snippets = lazyPart('What connects an app', async () => (await import('./Snippets.tsx')).Snippets);

/** How one's own app is connected to the open campaign. */
export function ConnectApp() {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
  if (campaignId === undefined || !isLoaded) return undefined;
  return (
    <DialogButton
      words="Connect your app"
      buttonClass="operations-button connect-button"
      title="Connect your app"
      dialogClass="connect-app"
      command={{ name: 'connect', label: 'Connect your app' }}
    >
      <Snippets campaignId={campaignId} />
    </DialogButton>
  );
}
