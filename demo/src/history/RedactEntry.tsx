import { useId, useRef, useState } from 'react';
import type { Entry } from '@campaign-state/client';
import { trpc, useCampaignClient, useCampaignSnapshot } from '@campaign-state/client/react';
import { sayRefusal, type Refused } from '../status/say-refusal.ts';
import { broughtBy } from './brought-values.ts';

/** Takes values that entries have brought, or their comments, out of the history for good. */
export function RedactEntry({ entries }: { entries: readonly Entry[] }) {
  const client = useCampaignClient();
  const utils = trpc.useUtils();
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const epoch = useCampaignSnapshot((snapshot) => snapshot.position)?.split(':')[0];
  const dialog = useRef<HTMLDialogElement>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [state, setState] = useState<'idle' | 'busy' | { error: Refused }>('idle');
  const id = useId();
  const parts = entries.flatMap(broughtBy);
  const isBusy = state === 'busy';

  function open(): void {
    setChosen(new Set());
    setState('idle');
    dialog.current?.showModal();
  }

  async function redact(): Promise<void> {
    setState('busy');
    try {
      for (const { key, version, path, comment } of parts) {
        if (!chosen.has(key)) continue;
        const what = { ...(path && { path: [...path] }), ...(comment && { comment }) };
        await client.trpc.audit.redact.mutate({ campaignId, position: `${epoch}:${version}`, ...what });
      }
      dialog.current?.close();
    } catch (error) {
      setState({ error: error instanceof Error ? error : new Error(String(error)) });
    } finally {
      // Also where only some of it was done.
      await Promise.all([utils.campaign.invalidate(), utils.audit.invalidate()]);
    }
    setState((now) => (now === 'busy' ? 'idle' : now));
  }

  if (parts.length === 0 || epoch === undefined) return undefined;
  return (
    <>
      <button type="button" className="small" onClick={open}>
        Redact…
      </button>
      <dialog ref={dialog} className="confirm" aria-labelledby={`${id}-title`}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void redact();
          }}
        >
          <h2 id={`${id}-title`}>Redact {sayVersions(entries)}</h2>
          <p className="panel-intro">
            What you choose is gone for good, from the history and from every past version. That it was there stays, and
            that you have redacted it. What still stands in the document has to be removed there first.
          </p>
          <fieldset className="redact-parts">
            <legend>What goes</legend>
            {parts.map(({ key, version, label, value }) => (
              <label key={key}>
                <input
                  type="checkbox"
                  checked={chosen.has(key)}
                  onChange={(event) => {
                    const next = new Set(chosen);
                    if (event.target.checked) next.add(key);
                    else next.delete(key);
                    setChosen(next);
                  }}
                />
                <span>
                  <b>
                    v{version} {label}
                  </b>{' '}
                  {value}
                </span>
              </label>
            ))}
          </fieldset>
          {typeof state === 'object' && (
            <p className="field-error" role="alert">
              {sayRefusal(state.error)}
            </p>
          )}
          <p className="confirm-buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" className="primary" disabled={chosen.size === 0 || isBusy}>
              {isBusy ? 'Redacting…' : 'Redact for good'}
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

function sayVersions(entries: readonly Entry[]): string {
  const [newest, oldest] = [entries[0]?.version, entries.at(-1)?.version];
  return newest === oldest ? `version ${newest}` : `versions ${oldest} to ${newest}`;
}
