import type { CampaignSnapshot, ConnectionState } from '@campaign-state/client';
import { Problem } from '../status/Problem.tsx';
import { AudiencePage } from './AudiencePage.tsx';

/** The page of a campaign, or why there is none to be seen. */
export function AudienceView({
  campaign: { state, status, error },
  connection,
  onLead,
}: {
  campaign: Pick<CampaignSnapshot, 'state' | 'status' | 'error'>;
  connection: ConnectionState;
  /** Called when somebody has sent the form. */
  onLead?: (() => void) | undefined;
}) {
  if (status === 'error') return <Problem title="This page cannot be shown" error={error} />;
  if (status === 'pending' && (connection.status === 'reconnecting' || connection.status === 'offline')) {
    return (
      <p className="notice" role="status">
        This page cannot be reached just now. It opens by itself as soon as it can.
      </p>
    );
  }
  if (status === 'pending')
    return <div className="skeleton page-skeleton" role="status" aria-label="Loading the page" />;
  return <AudiencePage campaign={state} onLead={onLead} />;
}
