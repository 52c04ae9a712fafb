import type { DocumentTree } from '../../../server/core/document/document-tree.ts';
import type { EditCommand } from '../../../server/core/commands/command.ts';
import type { EditRules, EditRulesLoader } from '../sync/edit-rules-loader.ts';
import type { EditOrigin, Typing, UndoStacks } from '../sync/undo.ts';
import type { UndoableEdit } from '../sync/undoable-edit.ts';

/** What one client can take back of its edits to one campaign, and make again. */
export interface UndoHistory {
  readonly record: (edit: UndoableEdit, origin: EditOrigin, typing?: Typing) => void;
  /** The held edit, which is the newest, has become this; `undefined` where it changes nothing any more. */
  readonly amend: (mutationId: string, edit: UndoableEdit | undefined, typing: Typing) => void;
  /** It was refused. */
  readonly remove: (mutationId: string) => void;
  /** Once the rules are loaded: takes the newest step off that can still be taken back on a view, if there is one. */
  readonly take: (from: 'undo' | 'redo', view: DocumentTree) => EditCommand | undefined;
  readonly can: (from: 'undo' | 'redo') => boolean;
  readonly clear: () => void;
}

/**
 * The stacks of `sync/undo.ts`, whose code is loaded when the first edit is made: what happens before it is there is
 * applied to the stacks then.
 *
 * @param onApplied what had to wait has been applied
 */
export function createUndoHistory(rules: EditRulesLoader, onApplied: () => void): UndoHistory {
  let stacks: UndoStacks = { undo: [], redo: [] };
  /** Edits that wait for the rules. */
  const unapplied = new Set<string>();
  let isEmpty = true;

  function apply(step: (loaded: EditRules) => UndoStacks): void {
    void rules.load();
    const loaded = rules.now();
    if (loaded) {
      stacks = step(loaded);
      return;
    }
    rules.whenLoaded((late) => {
      stacks = step(late);
      onApplied();
    });
  }

  return {
    record(edit, origin, typing) {
      const { mutationId } = edit;
      isEmpty = false;
      unapplied.add(mutationId);
      apply(({ recordStep }) => {
        unapplied.delete(mutationId);
        return recordStep(stacks, edit, origin, typing);
      });
    },
    amend(mutationId, edit, typing) {
      if (!edit) unapplied.delete(mutationId);
      apply(({ amendStep }) => amendStep(stacks, mutationId, edit, typing));
    },
    remove(mutationId) {
      unapplied.delete(mutationId);
      if (!isEmpty) apply(({ removeStep }) => removeStep(stacks, mutationId));
    },
    take(from, view) {
      const next = rules.now()?.nextUndo(stacks, from, view);
      stacks = next ? next.stacks : { ...stacks, [from]: [] };
      return next?.command;
    },
    clear() {
      if (!isEmpty) apply(() => ({ undo: [], redo: [] }));
      unapplied.clear();
      isEmpty = true;
    },
    can: (from) => stacks[from].length > 0 || (from === 'undo' && unapplied.size > 0),
  };
}
