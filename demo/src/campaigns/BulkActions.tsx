import { useState } from 'react';
import type { RefObject } from 'react';
import { trpc } from '@campaign-state/client/react';
import type { ListedCampaign } from '@campaign-state/client/react/campaigns';
import { saveFile } from '../save-file.ts';
import { ConfirmButton } from '../status/ConfirmButton.tsx';
import { sayRefusal } from '../status/say-refusal.ts';
import { commentOf, WhyField } from '../status/WhyField.tsx';

/** Calls that are on their way at once. */
const AT_ONCE = 4;

/** What is done with several campaigns at once. */
export function BulkActions({
  group,
  chosen,
  mayAdminister,
  clear,
}: {
  /** Where the focus is while nothing else here has it. */
  group: RefObject<HTMLDivElement | null>;
  chosen: ReadonlyMap<string, ListedCampaign>;
  mayAdminister: boolean;
  clear: () => void;
}) {
  const archive = trpc.campaign.archive.useMutation();
  const restore = trpc.campaign.restore.useMutation();
  const { client } = trpc.useUtils();
  const [why, setWhy] = useState('');
  const [refused, setRefused] = useState<readonly string[]>([]);
  const rows = [...chosen.values()];
  const live = rows.filter(({ archivedAt }) => archivedAt === undefined);
  const archived = rows.filter(({ archivedAt }) => archivedAt !== undefined);

  /** Does it to each; those that were refused are named, and the others done. */
  async function toEach<T>(of: readonly ListedCampaign[], act: (campaignId: string) => Promise<T>): Promise<T[]> {
    const done: T[] = [];
    const faults: string[] = [];
    const left = [...of];
    async function work(): Promise<void> {
      for (let next = left.shift(); next; next = left.shift()) {
        const { campaignId } = next;
        await act(campaignId).then(
          (result) => done.push(result),
          (error: Error) => faults.push(`${campaignId}: ${sayRefusal(error)}`),
        );
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setRefused(faults);
    if (faults.length === 0) clear();
    return done;
  }

  async function save(): Promise<void> {
    const found = await toEach(rows, (campaignId) => client.campaign.get.query({ campaignId }));
    if (found.length > 0)
      saveFile(
        'campaigns.json',
        found.map(({ campaignId, state }) => ({ campaignId, state })),
      );
  }

  return (
    <div ref={group} className="bulk" role="group" tabIndex={-1} aria-label="Several campaigns">
      <p role="status">{rows.length === 1 ? '1 campaign chosen' : `${rows.length} campaigns chosen`}</p>
      {mayAdminister && archived.length === 0 && (
        <ConfirmButton
          open="Archive…"
          title={live.length === 1 ? 'Archive this campaign?' : `Archive ${live.length} campaigns?`}
          effect="Nobody can edit them until they are restored. Their pages and their histories stay as they are."
          go="Archive them"
          disabled={live.length === 0}
          opened={() => setWhy('')}
          run={() => toEach(live, (campaignId) => archive.mutateAsync({ campaignId, ...commentOf(why) }))}
        >
          <WhyField why={why} change={setWhy} />
        </ConfirmButton>
      )}
      {mayAdminister && archived.length > 0 && (
        <ConfirmButton
          open="Restore…"
          title={archived.length === 1 ? 'Restore this campaign?' : `Restore ${archived.length} campaigns?`}
          effect="Their editors can change them again, from where they stand."
          go="Restore them"
          opened={() => setWhy('')}
          run={() => toEach(archived, (campaignId) => restore.mutateAsync({ campaignId, ...commentOf(why) }))}
        >
          <WhyField why={why} change={setWhy} />
        </ConfirmButton>
      )}
      <button type="button" className="small" disabled={rows.length === 0} onClick={() => void save()}>
        Export
      </button>
      <button type="button" className="small" onClick={clear}>
        Cancel
      </button>
      {refused.length > 0 && (
        <ul className="field-error" role="alert">
          {refused.map((words) => (
            <li key={words}>{words}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
