import { useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import type { ListedCampaign } from '@campaign-state/client/react/campaigns';
import { Ago } from '../history/Ago.tsx';
import { saveFile } from '../save-file.ts';
import { useCommand } from '../ways/commands.ts';

/** The campaign that is open, always in view, as its document stands; and what is done with a whole one. */
export function OpenCampaign({
  row,
  mayCreate,
  duplicate,
}: {
  /** It as the list has it, where it is in view there. */
  row: ListedCampaign | undefined;
  mayCreate: boolean;
  duplicate: () => void;
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId);
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const isLoaded = status === 'success';
  const connection = useConnection();
  const archivedAt = useCampaignSnapshot((snapshot) => snapshot.archivedAt);
  const state = useCampaign((document) => document);
  const word = archivedAt === undefined ? state.status : 'archived';

  function save(): void {
    if (campaignId !== undefined) saveFile(`${campaignId}.json`, { campaignId, state });
  }

  useCommand(isLoaded && { name: 'export', label: 'Export this campaign as a file', run: save });
  useCommand(isLoaded && mayCreate && { name: 'duplicate', label: 'Duplicate this campaign', run: duplicate });
  // The place of what comes, so that nothing below it moves then.
  if (status === 'pending' && connection.status !== 'needs-auth')
    return <div className="open-campaign" aria-hidden="true" />;
  if (!isLoaded || campaignId === undefined) return undefined;
  return (
    <section className="open-campaign" aria-label="The open campaign">
      <p className="open-title" dir="auto">
        {state.title ?? campaignId}
      </p>
      <p className="open-facts">
        <small>
          <span data-status={word}>{word ?? 'no status'}</span>
        </small>
        {row && (
          <small className="changed">
            {' '}
            · <Ago at={row.updatedAt} />
            {row.updatedBy !== undefined && <> by {row.updatedBy}</>}
          </small>
        )}
      </p>
      <p className="open-actions">
        {mayCreate && (
          <button type="button" className="text-button" onClick={duplicate}>
            Duplicate
          </button>
        )}
        <button type="button" className="text-button" onClick={save}>
          Export
        </button>
      </p>
    </section>
  );
}
