import { useMemo } from 'react';
import type { CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions, UseUndoResult } from './types.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/**
 * Undo and redo of this client's own edits. What others have changed since stays as it is.
 *
 * @example
 * const { undo, redo, canUndo, canRedo } = useUndo();
 * <button disabled={!canUndo} onClick={undo}>Undo</button>
 */
export function useUndo({ campaignId, enabled }: CampaignHookOptions = {}): UseUndoResult {
  const campaign = useCampaignHandle(campaignId);
  const available = useSelected(campaign, availabilityOf, { isEqual: shallowEqual, enabled });
  return useMemo(
    () => ({ ...available, undo: () => void campaign.undo(), redo: () => void campaign.redo() }),
    [available, campaign],
  );
}

function availabilityOf({ canUndo, canRedo }: CampaignSnapshot) {
  return { canUndo, canRedo };
}
