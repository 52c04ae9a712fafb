import { useId, useRef, useState } from 'react';
import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { useCampaignId } from '../campaigns/use-campaign-id.ts';
import { FieldFrame } from '../fields/FieldFrame.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { openCampaign } from '../ways/place.ts';

/** Makes a new campaign of the state of a version, and opens it. */
export function CopyVersion({ version }: { version: number }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const dialog = useRef<HTMLDialogElement>(null);
  const [name, setName] = useState('');
  const copy = trpc.campaign.copy.useMutation();
  const id = useId();
  const { id: to } = useCampaignId(name);

  function open(): void {
    copy.reset();
    setName(`${campaignId} v${version}`);
    dialog.current?.showModal();
  }

  return (
    <>
      <button type="button" className="small" onClick={open}>
        Copy…
      </button>
      <dialog ref={dialog} className="confirm" aria-labelledby={`${id}-title`}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (to === undefined) return;
            copy.mutate(
              { from: campaignId, to, at: version },
              {
                onSuccess() {
                  dialog.current?.close();
                  openCampaign(to);
                },
              },
            );
          }}
        >
          <h2 id={`${id}-title`}>A new campaign from version {version}</h2>
          <FieldFrame id={id} label="Its name">
            <input
              id={id}
              type="text"
              autoComplete="off"
              value={name}
              aria-describedby={`${id}-id`}
              onChange={(event) => setName(event.target.value)}
            />
          </FieldFrame>
          <p className="empty" id={`${id}-id`}>
            {to === undefined ? 'It needs a name.' : `Its id will be ${to}.`}
          </p>
          {copy.isError && (
            <p className="field-error" role="alert">
              {copy.error.data?.reason === 'CONFLICT'
                ? 'There is a campaign of that id already.'
                : sayRefusal(copy.error)}
            </p>
          )}
          <p className="confirm-buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={to === undefined || copy.isPending}>
              Copy it
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
