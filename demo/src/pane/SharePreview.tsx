import { lazyPart } from '../status/lazy-part.tsx';
import { DialogButton } from '../ways/DialogButton.tsx';

const PreviewLinks = lazyPart('The links', async () => (await import('./PreviewLinks.tsx')).PreviewLinks);

/** Opens the links to a preview of the campaign. */
export function SharePreview({ campaignId }: { campaignId: string }) {
  return (
    <DialogButton
      words="Share…"
      title="Share a preview"
      dialogClass="share-preview"
      command={{ name: 'share', label: 'Share a preview' }}
    >
      <PreviewLinks campaignId={campaignId} />
    </DialogButton>
  );
}
