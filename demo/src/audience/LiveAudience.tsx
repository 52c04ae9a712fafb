import { useMemo } from 'react';
import type { CampaignView } from '@campaign-state/client';
import { useCampaign, useCampaignSnapshot, useConnection } from '@campaign-state/client/react';
import { usePaint } from '../measure/use-paint.ts';
import { AudienceView } from './AudienceView.tsx';

/** The page of the campaign above, live. */
export function LiveAudience({
  onPaint,
  as,
}: {
  /** Called with the version that the screen shows. */
  onPaint: (version: number) => void;
  /** The status that it is shown in, where that is another one than its own. */
  as?: CampaignView['status'];
}) {
  const own = useCampaign((document) => document);
  const state = useMemo(() => (as ? { ...own, status: as } : own), [own, as]);
  const status = useCampaignSnapshot((snapshot) => snapshot.status);
  const error = useCampaignSnapshot((snapshot) => snapshot.error);
  const version = useCampaignSnapshot((snapshot) => snapshot.version);
  const connection = useConnection();
  usePaint(version, onPaint);
  return <AudienceView campaign={{ state, status, error }} connection={connection} />;
}
