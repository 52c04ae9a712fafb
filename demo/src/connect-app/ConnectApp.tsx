import { lazy, Suspense, useId, useRef, useState } from 'react';
import { useCampaignSnapshot } from '@campaign-state/client/react';
import { useCommand } from '../ways/commands.ts';

const Snippets = lazy(() => import('./Snippets.tsx').then((file) => ({ default: file.Snippets })));

/** How one's own app is connected to the open campaign. */
export function ConnectApp() {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const isLoaded = useCampaignSnapshot((snapshot) => snapshot.status === 'success');
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const id = useId();

  function open(): void {
    setOpen(true);
    dialog.current?.showModal();
  }

  useCommand(isLoaded && { name: 'connect', label: 'Connect your app', run: open });
  if (campaignId === undefined || !isLoaded) return undefined;
  return (
    <>
      <button type="button" className="operations-button connect-button" onClick={open}>
        Connect your app
      </button>
      <dialog
        ref={dialog}
        className="comparison connect-app"
        aria-labelledby={`${id}-title`}
        onClose={() => setOpen(false)}
      >
        <div className="comparison-head">
          <h2 id={`${id}-title`}>Connect your app</h2>
          <button type="button" className="small" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        {isOpen && (
          <Suspense fallback={<div className="skeleton" role="status" aria-label="Loading" />}>
            <Snippets campaignId={campaignId} />
          </Suspense>
        )}
      </dialog>
    </>
  );
}
