import { useId, useState } from 'react';
import type { RefObject, SyntheticEvent } from 'react';
import { trpc, useCampaignClient } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { TEMPLATES } from './templates.ts';
import { useCampaignId } from './use-campaign-id.ts';

/** Makes a campaign from nothing but a title: of a template, or of what another one holds. */
export function CreateCampaign({
  input,
  from,
  stopCopying,
  created,
}: {
  input: RefObject<HTMLInputElement | null>;
  /** The campaign that is to be duplicated. */
  from: { readonly campaignId: string; readonly title: string } | undefined;
  stopCopying: () => void;
  created: (campaignId: string) => void;
}) {
  const id = useId();
  const client = useCampaignClient();
  const [title, setTitle] = useState('');
  const [template, setTemplate] = useState(TEMPLATES[0]?.key);
  const newId = useCampaignId(title);
  const create = trpc.campaign.create.useMutation();
  const copy = trpc.campaign.copy.useMutation();
  const { error } = from ? copy : create;
  const isTaken = error?.data?.reason === 'CONFLICT';
  const isBusy = create.isPending || copy.isPending;

  /** What was refused is another one by now. */
  function change(apply: () => void): void {
    create.reset();
    copy.reset();
    apply();
  }

  function done(campaignId: string): void {
    setTitle('');
    newId.type('');
    stopCopying();
    created(campaignId);
  }

  /** The button that was hit was closed meanwhile; what is wrong is changed above it. */
  function onError(): void {
    input.current?.focus();
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    const campaignId = newId.id;
    const name = title.trim();
    if (campaignId === undefined || isBusy) return;
    if (from) {
      copy.mutate(
        { from: from.campaignId, to: campaignId },
        {
          onSuccess() {
            // Refusals are shown where those of all edits are.
            client
              .campaign(campaignId)
              .update({ title: name, slug: campaignId, status: 'draft' })
              .catch(() => undefined);
            done(campaignId);
          },
          onError,
        },
      );
      return;
    }
    const made = TEMPLATES.find(({ key }) => key === template) ?? TEMPLATES[0];
    if (!made) return;
    create.mutate({ campaignId, state: made.make(campaignId, name) }, { onSuccess: () => done(campaignId), onError });
  }

  return (
    <form className="create" onSubmit={submit}>
      <label htmlFor={id}>{from ? 'New campaign, a duplicate' : 'New campaign'}</label>
      <div>
        <input
          ref={input}
          id={id}
          type="text"
          dir="auto"
          placeholder="Its title"
          autoComplete="off"
          value={title}
          onChange={(event) => change(() => setTitle(event.target.value))}
        />
        <button type="submit" disabled={newId.id === undefined || isBusy}>
          Create
        </button>
      </div>
      {from && (
        <p className="create-from">
          <span dir="auto">Of {from.title || from.campaignId}</span>
          <button
            type="button"
            className="text-button"
            onClick={() => {
              stopCopying();
              input.current?.focus();
            }}
          >
            Not a duplicate
          </button>
        </p>
      )}
      {title.trim() !== '' && (
        <>
          <label htmlFor={`${id}-id`}>Its id, for good</label>
          <input
            id={`${id}-id`}
            type="text"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={newId.text}
            aria-invalid={newId.fault !== undefined || isTaken}
            aria-describedby={newId.fault === undefined ? undefined : `${id}-fault`}
            onChange={(event) => change(() => newId.type(event.target.value))}
          />
          {newId.fault !== undefined && (
            <p className="field-error" id={`${id}-fault`}>
              {newId.fault}
            </p>
          )}
          {!from && (
            <>
              <label htmlFor={`${id}-template`}>It starts with</label>
              <select id={`${id}-template`} value={template} onChange={(event) => setTemplate(event.target.value)}>
                {TEMPLATES.map(({ key, label }) => (
                  <option key={key} value={key}>
                    {label}
                  </option>
                ))}
              </select>
            </>
          )}
        </>
      )}
      {error && (
        <p className="field-error" role="alert">
          {isTaken ? `There is a campaign ${newId.text} already: give this one another id.` : sayRefusal(error)}
        </p>
      )}
    </form>
  );
}
