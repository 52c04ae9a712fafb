import { useMemo } from 'react';
import type { CampaignSnapshot } from '../types.ts';
import { useCampaignHandle } from './context.ts';
import type { CampaignHookOptions, UseUndoResult } from './types.ts';
import { shallowEqual, useSelected } from './use-selected.ts';

/**
 * Undo and redo of this client's own edits. What others have changed since is left alone.
 *
 * @example
 * const { undo, redo, canUndo, canRedo } = useUndo();
 * <button disabled={!canUndo} onClick={undo}>Undo</button>
 */
export function useUndo({ campaignId, enabled }: CampaignHookOptions = {}): UseUndoResult {
  const campaign = useCampaignHandle(campaignId);
  const able = useSelected(campaign, ableOf, { isEqual: shallowEqual, enabled });
  return useMemo(
    () => ({ ...able, undo: () => void campaign.undo(), redo: () => void campaign.redo() }),
    [able, campaign],
  );
}

function ableOf({ canUndo, canRedo }: CampaignSnapshot) {
  return { canUndo, canRedo };
}
