import type { Path } from './errors.ts';

/** Characters of a caller's text that a message or a path quotes at most. */
export const QUOTED_CHARACTERS = 64;

/** A caller's text, cut for a message. */
export function quote(text: string): string {
  return text.length <= QUOTED_CHARACTERS ? text : `${text.slice(0, QUOTED_CHARACTERS - 1).toWellFormed()}…`;
}

/** A path whose steps are cut: they may be keys of a caller's document. */
export function quotePath(path: readonly PropertyKey[]): Path {
  return path.map((step) => (typeof step === 'number' ? step : quote(String(step))));
}
