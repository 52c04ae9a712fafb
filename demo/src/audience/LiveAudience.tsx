import { useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { usePaint } from '../measure/use-paint.ts';
import { AudienceView } from './AudienceView.tsx';

/** The page of the campaign above, live. `onPaint` is called with the version that the screen shows. */
export function LiveAudience({ onPaint }: { onPaint: (version: number) => void }) {
  const state = useCampaign((document) => document);
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const error = useCampaignSnapshot((snapshot) => snapshot.error);
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const connection = useConnection();
  usePaint(version, onPaint);
  return <AudienceView campaign={{ state, status, error }} connection={connection} />;
}
