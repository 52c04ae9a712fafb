import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { Ago } from '../history/Ago.tsx';
import { setPreview } from '../history/preview.ts';
import { RestoreVersion } from '../history/RestoreVersion.tsx';

/** Says that the pane shows a version of the past, whose that is, and the way back. */
export function VersionBar({
  campaignId,
  version,
  mayRestore,
}: {
  campaignId: string;
  version: number;
  mayRestore: boolean;
}) {
  const present = useCampaignSnapshot((snapshot) => snapshot.version);
  const { data } = trpc.campaign.history.useQuery(
    { campaignId, cursor: version + 1, limit: 1 },
    { staleTime: Infinity, retry: false },
  );
  const entry = data?.items.find((item) => item.version === version);
  return (
    <div className="version-bar">
      <p>
        <strong role="status">Preview of version {version}</strong>
        {entry && (
          <>
            {' '}
            by {entry.actor.id}, <Ago at={entry.at} />
          </>
        )}
        . The audience sees v{present}.
      </p>
      <span className="version-buttons">
        <button type="button" className="small" onClick={() => setPreview(undefined)}>
          Back to live
        </button>
        {mayRestore && version < present && (
          <RestoreVersion
            key={`${campaignId} ${version}`}
            version={version}
            disabled={false}
            restored={() => setPreview(undefined)}
          />
        )}
      </span>
    </div>
  );
}
