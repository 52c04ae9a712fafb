import { mergePatch, type JsonValue } from '@campaign-state/client';
import { isObject, patchBetween } from '../../../sections/json.ts';

/**
 * What a value comes to that somebody edited for a while: what they changed of it, in what it is by now. So what others
 * did meanwhile beside that stays.
 *
 * @param base what it was when they began
 * @param mine what they made of it
 * @param now what it is by now
 */
export function merged(
  base: JsonValue | undefined,
  mine: JsonValue,
  now: JsonValue | undefined,
): JsonValue | undefined {
  const patch = patchBetween(base, mine);
  if (patch === undefined) return now;
  const isPart = isObject(patch) && (base === undefined || isObject(base));
  return isPart && isObject(now) ? mergePatch(now, patch) : mine;
}
