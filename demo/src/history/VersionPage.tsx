import type { CampaignView, Viewer } from '@campaign-state/client';
import { trpc, useCampaignSnapshot } from '@campaign-state/client/react';
import { AudiencePage } from '../audience/AudiencePage.tsx';
import { Problem } from '../status/Problem.tsx';

/** The page as it was at a version: as the document stood, or as a viewer saw it. */
export function VersionPage({
  version,
  viewer,
  as,
}: {
  version: number;
  viewer?: Viewer | undefined;
  /** The status that it is shown in, where that is another one than its own then. */
  as?: CampaignView['status'];
}) {
  const campaignId = useCampaignSnapshot((snapshot) => snapshot.campaignId) ?? '';
  const past = trpc.campaign.at.useQuery({ campaignId, version, ...(viewer && { viewer }) }, { staleTime: Infinity });
  if (past.isError) return <Problem title={`Version ${version} cannot be shown`} error={past.error} />;
  if (past.isPending)
    return <div className="skeleton page-skeleton" role="status" aria-label={`Reading version ${version}`} />;
  return <AudiencePage campaign={as ? { ...past.data.state, status: as } : past.data.state} />;
}
