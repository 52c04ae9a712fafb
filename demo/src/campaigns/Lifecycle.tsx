import { useId, useRef, useState } from 'react';
import { trpc, useCampaignSnapshot, useSyncStatus } from '@campaign-state/client/react';
import { useLedger } from '../measure/ledger-context.ts';
import { sayRefusal } from '../status/say-refusal.ts';
import { commentOf, WhyField } from '../status/WhyField.tsx';

const WORDS = {
  archive: {
    open: 'Archive…',
    title: 'Archive this campaign?',
    effect: 'Nobody can edit it until it is restored. Its page and its history stay as they are.',
    go: 'Archive it',
  },
  restore: {
    open: 'Restore…',
    title: 'Restore this campaign?',
    effect: 'Its editors can change it again, from where it stands.',
    go: 'Restore it',
  },
} as const;

/** Archives a campaign, or takes it back; asks before it does. */
export function Lifecycle({ action }: { action: 'archive' | 'restore' }) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const { pendingCount } = useSyncStatus();
  const change = trpc.campaign[action].useMutation();
  const ledger = useLedger();
  const dialog = useRef<HTMLDialogElement>(null);
  const [comment, setComment] = useState('');
  const id = useId();
  const words = WORDS[action];

  function open(): void {
    change.reset();
    dialog.current?.showModal();
  }

  function submit(): void {
    change.mutate(
      { campaignId, ...commentOf(comment) },
      {
        onSuccess(receipt) {
          if ('version' in receipt) ledger.made(campaignId, receipt.version);
          dialog.current?.close();
        },
      },
    );
  }

  return (
    <>
      <button type="button" onClick={open}>
        {words.open}
      </button>
      <dialog
        ref={dialog}
        className="confirm"
        aria-labelledby={`${id}-title`}
        aria-describedby={`${id}-effect`}
        onClose={() => setComment('')}
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <h2 id={`${id}-title`}>{words.title}</h2>
          <p id={`${id}-effect`}>{words.effect}</p>
          <WhyField why={comment} change={setComment} />
          {pendingCount > 0 && <p className="field-error">Your own edits are still on their way; they come first.</p>}
          {change.isError && (
            <p className="field-error" role="alert">
              {sayRefusal(change.error)}
            </p>
          )}
          <p className="confirm-buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={pendingCount > 0 || change.isPending}>
              {words.go}
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}
