import type { EditCommand, SimpleCommand } from './command.ts';
import type { JsonObject } from '../json.ts';
import { type DocumentTree, withMember } from '../document/document-tree.ts';
import { diff, mergePatch, patchTree } from '../document/merge-patch.ts';
import { changeSet } from '../document/ordered-set.ts';

/**
 * The effect of a command on a state, as a minimal merge patch: `{}` where it changes nothing. Total: every state and
 * every well-typed command whose JSON has passed `cleanJson` has an effect; whether the result is allowed is for
 * `check` to say. The server decides with it, the SDK's optimistic view is built with it, and the simulator and the
 * test kit share it.
 *
 * @example effect({ features: ['a'] }, { type: 'updateFeatures', features: ['b'], action: 'add' }) // { features: ['a',
 *   'b'] }
 */
export function effect(state: DocumentTree, command: EditCommand): JsonObject {
  return diff(state, meaning(state, command));
}

/**
 * The state after the command; whatever it does not touch is shared with the state before, which keeps `diff` cheap.
 */
function meaning(state: DocumentTree, command: EditCommand): DocumentTree {
  return command.type === 'batch' ? command.commands.reduce(simpleMeaning, state) : simpleMeaning(state, command);
}

function simpleMeaning(state: DocumentTree, command: SimpleCommand): DocumentTree {
  switch (command.type) {
    case 'update':
      return patchTree(state, command.updates);
    case 'updateFeatures':
      return changeSet(state, 'features', command.features, command.action);
    case 'updateConfig':
      return command.mode === 'replace'
        ? withMember(state, command.section, mergePatch({}, command.value), false)
        : patchTree(state, { [command.section]: command.value });
  }
}
