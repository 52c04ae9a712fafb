import type { EditCommand } from '../../../server/core/commands/command.ts';
import type { Clock } from '../clock.ts';
import { CampaignError } from '../errors.ts';
import { composePatches } from '../sync/compose-patch.ts';
import type { PendingEdits } from '../sync/pending-edits.ts';
import type { Campaign, Pace } from '../types.ts';
import { updateCommand, type BuiltCommand } from './commands.ts';
import type { Editor } from './editor.ts';
import { sendingError } from './sendable.ts';

/**
 * Debounced and throttled updates: each is shown at once, those that follow each other closely are sent as one
 * mutation. It is a pending edit like any other that is held back, so that everything else keeps its place behind it.
 */
export function createPacing(
  edits: PendingEdits,
  editor: Editor,
  clock: Clock,
): Pick<Campaign, 'pacedUpdate' | 'flush'> {
  let cancel = () => {};
  /** When the newest update was made, in epoch milliseconds. */
  let updatedAt = -Infinity;

  // Sent for another reason: there was another edit, or the client was closed.
  edits.onChange(() => edits.held() ?? cancel());

  return {
    flush: edits.releaseHeld,
    pacedUpdate(updates, { wait, mode = 'debounce', leading = false, onConflict }: Pace) {
      const now = clock.now();
      const isLeading = leading && now - updatedAt >= wait;
      updatedAt = now;
      const command = updateCommand(updates);
      const composed = compose(edits.held()?.mutation.command, command);
      const amended = composed && editor.amendHeld(composed);
      if (amended && mode === 'throttle') return amended;
      const change = amended ?? editor.editHeld(command, onConflict ? { onConflict } : {});
      cancel();
      // A leading update is released rather than never held: undo counts it to the sitting that it begins.
      if (isLeading) edits.releaseHeld();
      else cancel = clock.after(wait, edits.releaseHeld);
      return change;
    },
  };
}

/** Both as one command; `undefined` where no single patch says both, and where the new one must be refused alone. */
function compose(before: EditCommand | undefined, command: BuiltCommand): EditCommand | undefined {
  if (command instanceof CampaignError || before?.type !== 'update' || command.type !== 'update') return undefined;
  const updates = composePatches(before.updates, command.updates);
  const composed: EditCommand | undefined = updates && { type: 'update', updates };
  return composed && !sendingError(composed, 0) ? composed : undefined;
}
