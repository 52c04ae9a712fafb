import { getLocation, type Node } from 'jsonc-parser';

/** What stands at a position of a JSON text, or is about to. */
export interface JsonPlace {
  /** The name of a member, or a value. */
  readonly kind: 'name' | 'value';
  /** Where the value is, or will be: of a name, its own. Of a name that is not there yet the last key is empty. */
  readonly path: readonly (string | number)[];
  /** The text that is there of it. */
  readonly from: number;
  readonly to: number;
}

/** Characters of a word such as `true` that is being typed. */
const LONGEST_WORD = 16;

/**
 * Says where a position is, also in a text that is being typed and is not JSON yet; `undefined` where nothing can
 * stand.
 *
 * @example placeAt('{"a":tr}', 7) // { kind: 'value', path: ['a'], from: 5, to: 7 }
 */
export function placeAt(text: string, position: number): JsonPlace | undefined {
  const { path, isAtPropertyKey, previousNode } = getLocation(text, position);
  const isIn = previousNode && position <= endOf(previousNode);
  // Behind a name or a value that is whole, and before what divides it from the next.
  if (previousNode && !isIn) return undefined;
  if (isAtPropertyKey && !isIn && path.at(-1) !== '') return undefined;
  const kind = isAtPropertyKey ? 'name' : 'value';
  if (isIn) return { kind, path, from: previousNode.offset, to: endOf(previousNode) };
  const [word = ''] = /[a-z]*$/i.exec(text.slice(Math.max(0, position - LONGEST_WORD), position)) ?? [];
  return { kind, path, from: position - word.length, to: position };
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}
