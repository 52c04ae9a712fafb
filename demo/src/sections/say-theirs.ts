import type { JsonValue } from '@campaign-state/client';
import { patchBetween, sharedPlaces } from './json.ts';
import { read } from './json-text.ts';

/**
 * Says that somebody else has changed what is being edited as text, and what applying it will do to that.
 *
 * @param what is edited, in words: this section
 * @param base what it was when the text was begun
 * @param theirs the patch from there to what it is now
 */
export function sayTheirs(what: string, text: string, base: JsonValue | undefined, theirs: JsonValue): string {
  const result = read(text);
  const shared = result.ok ? sharedPlaces(patchBetween(base, result.value), theirs) : [];
  const since = `Somebody else has changed ${what} since you began.`;
  if (shared.length === 0) return `${since} Yours will be merged with theirs.`;
  return `${since} Applying overwrites what they wrote at ${shared.map((place) => place || 'the same place').join(', ')}.`;
}
