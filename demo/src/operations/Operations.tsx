import { lazy, Suspense, useId, useRef, useState } from 'react';
import { useAccess, useCampaignSnapshot } from '@campaign-state/client/react';
import { KillButton } from '../status/KillButton.tsx';
import { useCommand } from '../ways/commands.ts';
import { Retention } from './Retention.tsx';
import { Snapshots } from './Snapshots.tsx';
import { Verification } from './Verification.tsx';

/** Its charts are loaded when they are looked at. */
const LiveServer = lazy(() => import('./Live.tsx').catch(() => ({ default: NotLoaded })));

/**
 * What somebody who runs the server looks after: how it runs, what is saved, and whether it can be trusted. For admins.
 */
export function Operations() {
  const { role, anonymous } = useAccess();
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const id = useId();
  // Unlike what one may edit, this is not offered before it is known.
  const isOffered = role === 'admin' && anonymous !== true;

  function open(): void {
    setOpen(true);
    dialog.current?.showModal();
  }

  useCommand(isOffered && { name: 'operations', label: 'Operations', run: open });
  if (!isOffered) return undefined;
  return (
    <>
      <button type="button" className="operations-button" onClick={open}>
        Operations
      </button>
      <dialog
        ref={dialog}
        className="comparison operations"
        aria-labelledby={`${id}-title`}
        onClose={() => setOpen(false)}
      >
        <div className="comparison-head">
          <h2 id={`${id}-title`}>Operations</h2>
          <button type="button" className="small" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        {isOpen && (
          <div className="operations-parts">
            <Suspense fallback={<div className="skeleton" role="status" aria-label="Loading the figures" />}>
              <LiveServer />
            </Suspense>
            <Snapshots />
            <Verification key={campaignId} campaignId={campaignId} />
            {campaignId !== undefined && <Retention campaignId={campaignId} />}
            <KillButton killed={() => dialog.current?.close()} />
          </div>
        )}
      </dialog>
    </>
  );
}

function NotLoaded() {
  return <p className="field-error">The part of this page with the figures could not be loaded. Reload the page.</p>;
}
