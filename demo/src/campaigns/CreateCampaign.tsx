import { useId, useState } from 'react';
import type { SyntheticEvent } from 'react';
import { trpc } from '@campaign-state/client/react';
import { sayRefusal } from '../status/say-refusal.ts';
import { campaignIdFor } from './campaign-id.ts';
import { newCampaign } from './new-campaign.ts';

/** Makes a campaign from nothing but a title. */
export function CreateCampaign({ created }: { created: (campaignId: string) => void }) {
  const id = useId();
  const [title, setTitle] = useState('');
  const create = trpc.campaign.create.useMutation();
  const campaignId = campaignIdFor(title);

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (campaignId === undefined) return;
    create.mutate(
      { campaignId, state: newCampaign(campaignId, title.trim()) },
      {
        onSuccess() {
          setTitle('');
          created(campaignId);
        },
      },
    );
  }

  return (
    <form className="create" onSubmit={submit}>
      <label htmlFor={id}>New campaign</label>
      <div>
        <input
          id={id}
          type="text"
          dir="auto"
          placeholder="Its title"
          autoComplete="off"
          value={title}
          onChange={(event) => setTitle(event.target.value)}
        />
        <button type="submit" disabled={campaignId === undefined || create.isPending}>
          Create
        </button>
      </div>
      {create.isError && (
        <p className="field-error" role="alert">
          {create.error.data?.reason === 'CONFLICT'
            ? 'There is a campaign of that name already.'
            : sayRefusal(create.error)}
        </p>
      )}
    </form>
  );
}
