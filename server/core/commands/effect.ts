import type { EditCommand, FeaturesAction, SimpleCommand } from './command.ts';
import type { JsonObject } from '../json.ts';
import { type DocumentTree, memberOf, type Part, withMember } from '../document/document-tree.ts';
import { diff, mergePatch, patchTree } from '../document/merge-patch.ts';

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
      return changeFeatures(state, command.features, command.action);
    case 'updateConfig':
      return command.mode === 'replace'
        ? withMember(state, command.section, mergePatch({}, command.value), false)
        : patchTree(state, { [command.section]: command.value });
  }
}

/** An ordered set: existing items keep their places, new ones come last, and none occurs twice. */
function changeFeatures(state: DocumentTree, named: readonly string[], action: FeaturesAction): DocumentTree {
  if (action === 'set') return patchTree(state, { features: [...new Set(named)] });
  const current = strings(memberOf(state, 'features'));
  const removed = new Set(named);
  const next = action === 'add' ? [...new Set([...current, ...named])] : current.filter((item) => !removed.has(item));
  // Adding or removing nothing does not create an empty list.
  return next.length === current.length ? state : patchTree(state, { features: next });
}

function strings(value: Part | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
