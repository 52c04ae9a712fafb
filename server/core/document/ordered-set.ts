import { memberOf, type DocumentTree, type Part } from './document-tree.ts';
import { patchTree } from './merge-patch.ts';

/**
 * The document after a change of one of its ordered sets: existing items keep their places, new ones come last, and
 * none occurs twice.
 */
export function changeSet(
  state: DocumentTree,
  field: string,
  named: readonly string[],
  action: 'add' | 'remove' | 'set',
): DocumentTree {
  if (action === 'set') return patchTree(state, { [field]: [...new Set(named)] });
  const current = strings(memberOf(state, field));
  const removed = new Set(named);
  const next = action === 'add' ? [...new Set([...current, ...named])] : current.filter((item) => !removed.has(item));
  // Adding or removing nothing does not create an empty list.
  return next.length === current.length ? state : patchTree(state, { [field]: next });
}

function strings(value: Part | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
