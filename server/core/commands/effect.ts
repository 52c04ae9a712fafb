import type { EditCommand, FeaturesAction, SimpleCommand } from './command.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { diff, mergePatch } from '../document/merge-patch.ts';

/**
 * The effect of a command on a state, as a minimal merge patch: `{}` where it changes nothing. Total: every state and
 * every well-typed command whose JSON has passed `cleanJson` has an effect; whether the result is allowed is for `check`
 * to say. The server decides with it, the SDK's optimistic view is built with it, and the simulator and the test kit
 * share it.
 *
 * @example effect({ features: ['a'] }, { type: 'updateFeatures', features: ['b'], action: 'add' }) // { features: ['a',
 *   'b'] }
 */
export function effect(state: JsonObject, command: EditCommand): JsonObject {
  return diff(state, meaning(state, command));
}

/** The state after the command; whatever it does not touch is shared with the state before, which keeps `diff` cheap. */
function meaning(state: JsonObject, command: EditCommand): JsonObject {
  return command.type === 'batch' ? command.commands.reduce(simpleMeaning, state) : simpleMeaning(state, command);
}

function simpleMeaning(state: JsonObject, command: SimpleCommand): JsonObject {
  switch (command.type) {
    case 'update':
      return mergePatch(state, command.updates);
    case 'updateFeatures':
      return changeFeatures(state, command.features, command.action);
    case 'updateConfig':
      return command.mode === 'replace'
        ? { ...state, [command.section]: mergePatch({}, command.value) }
        : mergePatch(state, { [command.section]: command.value });
  }
}

/** An ordered set: what is there keeps its place, what is new comes last, nothing comes twice. */
function changeFeatures(state: JsonObject, named: readonly string[], action: FeaturesAction): JsonObject {
  if (action === 'set') return mergePatch(state, { features: [...new Set(named)] });
  const current = strings(state.features);
  const gone = new Set(named);
  const next = action === 'add' ? [...new Set([...current, ...named])] : current.filter((item) => !gone.has(item));
  // Adding or removing nothing does not bring an empty list into being.
  return next.length === current.length ? state : mergePatch(state, { features: next });
}

function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
