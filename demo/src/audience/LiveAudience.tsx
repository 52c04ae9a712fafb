import { useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { usePaint } from '../measure/use-paint.ts';
import { Problem } from '../status/Problem.tsx';
import { AudiencePage } from './AudiencePage.tsx';

const unmeasured = () => undefined;

/**
 * The page of the campaign above, live. `onPaint` is called with the version that the screen shows, `onLead` when
 * somebody has sent the form.
 */
export function LiveAudience({
  onPaint = unmeasured,
  onLead,
}: {
  onPaint?: (version: number) => void;
  onLead?: () => void;
}) {
  const state = useCampaign((document) => document);
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const error = useCampaignSnapshot((snapshot) => snapshot.error);
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const connection = useConnection();
  usePaint(version, onPaint);
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
