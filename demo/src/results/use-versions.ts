import { useMemo } from 'react';
import { useCampaignHistory } from '@campaign-state/client/react';
import type { VersionMark } from './results.ts';

/** The newest versions and when they came, live. */
export function useVersions(): readonly VersionMark[] {
  const { entries } = useCampaignHistory({ limit: 50 });
  return useMemo(() => entries.map(({ version, at }) => ({ version, at })), [entries]);
}
