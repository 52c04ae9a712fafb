import { undoOf } from '../views/campaign-views.ts';
import type { CampaignHookOptions, UseUndoResult } from './types.ts';
import { useView } from './use-view.ts';

/**
 * Undo and redo of this client's own edits. What others have changed since stays as it is.
 *
 * @example
 * const { undo, redo, canUndo, canRedo } = useUndo();
 * <button disabled={!canUndo} onClick={undo}>Undo</button>
 */
export function useUndo(options?: CampaignHookOptions): UseUndoResult {
  return useView(undoOf, options);
}
