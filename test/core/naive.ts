import type { EditCommand, SimpleCommand } from '../../server/core/commands/command.ts';
import type { JsonObject, JsonValue } from '../../server/core/json.ts';

/** The meaning of things, written a second time: slowly, in place, after the words of the specification. */

/** RFC 7396, section 2, line by line. */
export function naiveMergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return structuredClone(patch);
  const result = new Map<string, JsonValue>(isObject(target) ? Object.entries(structuredClone(target)) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, naiveMergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}

/** The state after a command, as the table of procedures words it. */
export function naiveMeaning(state: JsonObject, command: EditCommand): JsonObject {
  let after = structuredClone(state);
  for (const simple of command.type === 'batch' ? command.commands : [command]) after = naiveSimple(after, simple);
  return after;
}

function naiveSimple(state: JsonObject, command: SimpleCommand): JsonObject {
  switch (command.type) {
    case 'update':
      return naiveMergePatch(state, command.updates) as JsonObject;
    case 'updateConfig': {
      const merged =
        command.mode === 'replace'
          ? naiveMergePatch({}, command.value)
          : naiveMergePatch(state[command.section], command.value);
      return { ...state, [command.section]: merged };
    }
    case 'updateFeatures':
      return naiveFeatures(state, command.features, command.action);
  }
}

function naiveFeatures(state: JsonObject, named: readonly string[], action: 'add' | 'remove' | 'set'): JsonObject {
  // A list that is none is as good as missing; no document holds such a thing, but an optimistic one of the SDK may.
  const current: string[] = [];
  if (action !== 'set' && Array.isArray(state['features'])) {
    for (const item of state['features']) if (typeof item === 'string') current.push(item);
  }
  const next: string[] = [];
  if (action === 'remove') {
    for (const item of current) if (!named.includes(item)) next.push(item);
  } else {
    for (const item of [...current, ...named]) if (!next.includes(item)) next.push(item);
  }
  const nothingToDo = action !== 'set' && next.length === current.length;
  return nothingToDo ? state : { ...state, features: next };
}

/** The minimal merge patch, member by member: first what is gone, then what is there, each in its document's order. */
export function naiveDiff(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) patch[name] = null;
  for (const [name, after] of Object.entries(to)) {
    const before = Object.hasOwn(from, name) ? from[name] : undefined;
    if (before !== undefined && canonical(before) === canonical(after)) continue;
    patch[name] = isObject(before) && isObject(after) ? naiveDiff(before, after) : after;
  }
  return patch;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** The same text for the same JSON, whatever the order of its members: what tests compare. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
