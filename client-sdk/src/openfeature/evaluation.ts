import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import type { CampaignSnapshot } from '../types.ts';

/** OpenFeature's kinds of flags. */
export type FlagKind = 'boolean' | 'string' | 'number' | 'object';

/** The result of an evaluation, with OpenFeature's reasons and error codes. */
export type Evaluation =
  | { readonly kind: 'value'; readonly value: JsonValue; readonly reason: 'STATIC' | 'DISABLED' | 'STALE' }
  | {
      readonly kind: 'error';
      readonly code: 'FLAG_NOT_FOUND' | 'TYPE_MISMATCH' | 'PROVIDER_NOT_READY';
      readonly message: string;
    };

/**
 * Evaluates a flag in a campaign's document. A boolean flag is a feature, and `false` where the campaign does not list
 * it; any other flag is a path in the document: `theme.accent`, `ui_content.banner`. A path to a boolean is a boolean
 * flag too.
 */
export function evaluate(snapshot: CampaignSnapshot, key: string, kind: FlagKind, isFresh: boolean): Evaluation {
  if (snapshot.position === undefined)
    return { kind: 'error', code: 'PROVIDER_NOT_READY', message: 'The campaign has not been received yet' };
  // A document came as JSON; its type has `unknown` in the open parts.
  const document = snapshot.state as JsonObject;
  const reason = isFresh ? 'STATIC' : 'STALE';
  if (kind === 'boolean' && snapshot.state.features?.includes(key) === true)
    return { kind: 'value', value: true, reason };
  const value = valueAt(document, key);
  if (value === undefined) {
    return kind === 'boolean'
      ? { kind: 'value', value: false, reason: isFresh ? 'DISABLED' : reason }
      : { kind: 'error', code: 'FLAG_NOT_FOUND', message: `The campaign has no value at ${key}` };
  }
  if (typeof value !== kind || value === null) {
    return { kind: 'error', code: 'TYPE_MISMATCH', message: `${key} is not of type ${kind}` };
  }
  return { kind: 'value', value, reason };
}

/**
 * The value at a path. A member may have dots in its name: the longest name that there is wins, so that `a.b.c` is
 * `['a.b.c']` before `['a.b']['c']` before `['a']['b.c']`.
 */
function valueAt(document: JsonObject, path: string): JsonValue | undefined {
  if (Object.hasOwn(document, path)) return document[path];
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
    const name = path.slice(0, end);
    const inner = Object.hasOwn(document, name) ? document[name] : undefined;
    const value = isJsonObject(inner) ? valueAt(inner, path.slice(end + 1)) : undefined;
    if (value !== undefined) return value;
  }
  return undefined;
}

/**
 * The flags that may have changed between two states: features that were added or removed, and the paths of values that
 * differ, with all paths above them, for a flag can be an object.
 */
export function changedFlags(before: CampaignSnapshot['state'], after: CampaignSnapshot['state']): string[] {
  const [old, now] = [new Set<string>(before.features), new Set<string>(after.features)];
  const features = [...old].filter((name) => !now.has(name)).concat([...now].filter((name) => !old.has(name)));
  // A document came as JSON; its type has `unknown` in the open parts.
  return [...new Set([...features, ...changedPaths(before as JsonObject, after as JsonObject, '')])];
}

/** Parts that are the same object are equal: consecutive states share what has not changed. */
function changedPaths(before: JsonObject, after: JsonObject, prefix: string): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [old, now] = [before[name], after[name]];
    if (old === now) return [];
    const path = `${prefix}${name}`;
    const inner = changedPaths(isJsonObject(old) ? old : {}, isJsonObject(now) ? now : {}, `${path}.`);
    return [path, ...inner];
  });
}
