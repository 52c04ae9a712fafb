import { useMemo } from 'react';
import { undoOf } from '../views/campaign-views.ts';
import { useCampaignHandle } from './provider/context.ts';
import type { CampaignHookOptions, UseUndoResult } from './types.ts';
import { shallowEqual } from '../views/shallow-equal.ts';
import { useSelected } from './use-selected.ts';

/**
 * Undo and redo of this client's own edits. What others have changed since stays as it is.
 *
 * @example
 * const { undo, redo, canUndo, canRedo } = useUndo();
 * <button disabled={!canUndo} onClick={undo}>Undo</button>
 */
export function useUndo({ campaignId, enabled }: CampaignHookOptions = {}): UseUndoResult {
  const campaign = useCampaignHandle(campaignId);
  const select = useMemo(() => undoOf(campaign), [campaign]);
  return useSelected(campaign, select, { isEqual: shallowEqual, enabled });
}
