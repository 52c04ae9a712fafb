import { usePacedUpdate } from '@campaign-state/client/react';
import type { CampaignUpdates, Change } from '@campaign-state/client';

/**
 * Update of a field that is typed in: all of one sitting is one step of undo. It is sent at once, for `useDraft` has
 * paced it already.
 */
export function useTypedUpdate(): (updates: CampaignUpdates) => Change {
  return usePacedUpdate({ wait: 0, leading: true }).updateCampaign;
}
