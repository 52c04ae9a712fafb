import { flagAt, whyOf, type FlagReason } from '../../../server/core/flags.ts';
import type { Assignment } from '../../../server/core/targeting/evaluate.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import type { CampaignSnapshot } from '../types.ts';

/** OpenFeature's kinds of flags. */
export type FlagKind = 'boolean' | 'string' | 'number' | 'object';

/** The result of an evaluation, with OpenFeature's reasons and error codes. */
export type Evaluation =
  | {
      readonly kind: 'value';
      readonly value: JsonValue;
      readonly reason: FlagReason | 'DISABLED' | 'STALE';
      /** The viewer's arm in the rule of the flag's name. */
      readonly variant?: string;
    }
  | {
      readonly kind: 'error';
      readonly code: 'FLAG_NOT_FOUND' | 'TYPE_MISMATCH' | 'PROVIDER_NOT_READY';
      readonly message: string;
    };

/**
 * Evaluates a flag in a campaign's document. A boolean flag is a feature, and `false` where the campaign does not list
 * it; any other flag is a path in the document: `theme.accent`, `ui_content.banner`. A path to a boolean is a boolean
 * flag too, and the name of a rule is the name of the viewer's arm in it.
 */
export function evaluate(snapshot: CampaignSnapshot, key: string, kind: FlagKind, isFresh: boolean): Evaluation {
  if (snapshot.position === undefined)
    return { kind: 'error', code: 'PROVIDER_NOT_READY', message: 'The campaign has not been received yet' };
  // A document came as JSON; its type has `unknown` in the open parts.
  const campaign = { state: snapshot.state as JsonObject, assignments: snapshot.assignments };
  const found = flagAt(campaign, key);
  if (!found || (kind === 'boolean' && isArm(snapshot, key, found.value))) {
    if (kind !== 'boolean')
      return { kind: 'error', code: 'FLAG_NOT_FOUND', message: `The campaign has no value at ${key}` };
    const { reason, variant } = whyOf(campaign, key);
    const isRuled = reason === 'DEFAULT' || variant !== undefined;
    return reasoned({ value: false, reason: isRuled ? reason : 'DISABLED', variant }, isFresh);
  }
  const { value } = found;
  if (typeof value !== kind || value === null) {
    return { kind: 'error', code: 'TYPE_MISMATCH', message: `${key} is not of type ${kind}` };
  }
  return reasoned(found, isFresh);
}

/** Whether a flag is nothing but the name of an arm: a switch of that name is off. */
function isArm({ assignments, state }: CampaignSnapshot, key: string, value: JsonValue): boolean {
  const arm = Object.hasOwn(assignments, key) ? assignments[key]?.arm : undefined;
  // A document came as JSON; its type has `unknown` in the open parts.
  return arm !== undefined && arm === value && flagAt({ state: state as JsonObject }, key) === undefined;
}

function reasoned(
  { value, reason, variant }: { value: JsonValue; reason: FlagReason | 'DISABLED'; variant?: string | undefined },
  isFresh: boolean,
): Evaluation {
  return { kind: 'value', value, reason: isFresh ? reason : 'STALE', ...(variant !== undefined && { variant }) };
}

/** What flags are made of. */
export type FlagsSeen = Pick<CampaignSnapshot, 'state' | 'assignments'>;

/**
 * The flags that may have changed between two states: the rules whose arm is another one, features that were added or
 * removed, and the paths of values that differ, with all paths above them, for a flag can be an object.
 */
export function changedFlags(from: FlagsSeen, to: FlagsSeen): string[] {
  const [before, after] = [from.state, to.state];
  const [old, now] = [new Set<string>(before.features), new Set<string>(after.features)];
  const features = [...old].filter((name) => !now.has(name)).concat([...now].filter((name) => !old.has(name)));
  // A document came as JSON; its type has `unknown` in the open parts.
  const rules = [...Object.keys(from.assignments), ...Object.keys(to.assignments)].filter(
    (rule) => !isSameAssignment(from.assignments[rule], to.assignments[rule]),
  );
  return [...new Set([...features, ...rules, ...changedPaths(before as JsonObject, after as JsonObject, '')])];
}

function isSameAssignment(one: Assignment | undefined, other: Assignment | undefined): boolean {
  return one?.arm === other?.arm && one?.reason === other?.reason;
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
