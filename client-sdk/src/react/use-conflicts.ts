import { useMemo } from 'react';
import type { Conflict } from '../sync/conflicts.ts';
import type { Campaign, CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions } from './types.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

export interface UseConflictsResult {
  /** Places in which this client's edits are kept back until they are resolved (`onConflict: 'ask'`). */
  readonly conflicts: readonly Conflict[];
  /** Places in which this client's edits have overwritten what somebody else had changed. */
  readonly overwritten: readonly Conflict[];
  /** Sends what was kept back, or drops it. */
  readonly resolve: Campaign['resolveConflict'];
  /** Takes what was overwritten by that edit, or all of it, off the list. */
  readonly dismiss: Campaign['dismiss'];
}

/**
 * The conflicts of this client's edits with those of others, and how to resolve them.
 *
 * @example
 * const { conflicts, resolve } = useConflicts();
 * conflicts.map(({ mutationId, path, theirs, mine, actor }) => (
 *   <p key={path.join()}>
 *     {actor?.id} wrote {String(theirs)}, you wrote {String(mine)}.
 *     <button onClick={() => resolve(mutationId, 'theirs')}>Take theirs</button>
 *     <button onClick={() => resolve(mutationId, 'mine')}>Keep mine</button>
 *   </p>
 * ));
 */
export function useConflicts({ campaignId, enabled }: CampaignHookOptions = {}): UseConflictsResult {
  const campaign = useCampaignHandle(campaignId);
  const found = useSelected(campaign, conflictsOf, { isEqual: shallowEqual, enabled });
  return useMemo(() => ({ ...found, resolve: campaign.resolveConflict, dismiss: campaign.dismiss }), [found, campaign]);
}

function conflictsOf({ sync: { conflicts, overwritten } }: CampaignSnapshot) {
  return { conflicts, overwritten };
}
