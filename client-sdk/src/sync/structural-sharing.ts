import {
  type DocumentTree,
  isObjectPart,
  LargeObject,
  memberOf,
  type Part,
  plainOf,
  withMember,
} from '../../../server/core/document/document-tree.ts';
import { differentKeys } from '../../../server/core/document/merge-patch.ts';

/**
 * Structural sharing: `next`, built of the parts of `previous` wherever they are equal, so that `===` tells what has
 * changed and a selector that returns an object does not render for nothing. Parts that both share already cost
 * nothing: between two versions of a large document the time follows the changes that lie between them.
 */
export function shareStructure(previous: DocumentTree, next: DocumentTree): DocumentTree {
  if (previous === next) return next;
  const { removed, present } = differentKeys(previous, next);
  // The order of members is part of what is shown, and is that of the server.
  let same = removed.length === 0 && hasSameOrder(previous, next);
  let shared = next;
  for (const key of present) {
    const [before, after] = [memberOf(previous, key), memberOf(next, key)];
    if (after === undefined) continue;
    const kept = sharePart(before, after);
    if (kept !== before) same = false;
    if (kept !== after) shared = withMember(shared, key, kept, shared !== next);
  }
  return same ? previous : shared;
}

/** Whether the members stand in the same order; of large documents that is told by which members differ. */
function hasSameOrder(previous: DocumentTree, next: DocumentTree): boolean {
  if (previous instanceof LargeObject || next instanceof LargeObject) return true;
  const keys = Object.keys(next);
  return Object.keys(previous).every((key, index) => key === keys[index]);
}

function sharePart(previous: Part | undefined, next: Part): Part {
  if (previous === next || previous === undefined) return next;
  if (Array.isArray(next) && Array.isArray(previous)) {
    const items = next.map((item, index) => plainOf(sharePart(previous[index], item)));
    return items.length === previous.length && items.every((item, index) => item === previous[index])
      ? previous
      : items;
  }
  return isObjectPart(next) && isObjectPart(previous) ? shareStructure(previous, next) : next;
}
