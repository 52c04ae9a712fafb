import type { EditCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import { diff, isEmptyPatch, patchTree } from '../../../server/core/document/merge-patch.ts';
import type { JsonObject } from '../../../server/core/json.ts';

/** One mutation of this client: what it changed, and what would change it back. */
export interface UndoableEdit {
  readonly mutationId: string;
  readonly change: JsonObject;
  readonly inverse: JsonObject;
}

/** The edit that a command made on `view` is for undo; `undefined` where it changed nothing. */
export function undoableEdit(mutationId: string, view: DocumentTree, command: EditCommand): UndoableEdit | undefined {
  const change = effect(view, command);
  return isEmptyPatch(change) ? undefined : { mutationId, change, inverse: diff(patchTree(view, change), view) };
}
