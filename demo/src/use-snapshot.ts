import { useSyncExternalStore } from 'react';
import { useCampaignHandle } from '@campaign-state/client/react';
import type { CampaignSnapshot } from '@campaign-state/client';

/**
 * One part of what is known of the campaign above; the component renders when that part changes, and for nothing else. Every keystroke
 * moves versions and watermarks four times over, and most of the screen shows neither.
 *
 * @param select gives the same value for the same part: a scalar, or something that the snapshot holds
 */
export function useSnapshot<T>(select: (snapshot: CampaignSnapshot) => T): T {
  const { subscribe, getSnapshot } = useCampaignHandle();
  return useSyncExternalStore(subscribe, () => select(getSnapshot()));
}
