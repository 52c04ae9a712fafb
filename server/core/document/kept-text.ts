import type { Part } from './document-tree.ts';
import { memberText, PersistentObject, unshared, type Entry, type Node } from './persistent-object.ts';
import { TextPieces } from './text-pieces.ts';

/** The text of the version that was asked for it last. */
interface KeptText {
  root: Node;
  readonly pieces: TextPieces<Entry>;
}

/** Members from which on an object's text is kept: that of a smaller one takes less time than the text takes memory. */
const KEPT_TEXT_MEMBERS = 1_024;

/** Places for each member, at most, while a text is kept: where more are empty, it is written anew. */
const MAX_PLACES = 16;

/** By what all versions of an object have in common. */
const texts = new WeakMap<object, KeptText>();

/**
 * The part as compact JSON, for whoever takes the text of a document again and again: of a large one in time that
 * follows what has changed since the text before, of whichever version that was.
 *
 * @example keptTextOf(version.with('title', 'Spring')) // the same as its toText()
 */
export function keptTextOf(part: Part): string {
  if (!(part instanceof PersistentObject)) return JSON.stringify(part);
  const { lineage, root, size } = part;
  if (size < KEPT_TEXT_MEMBERS) return part.toText();
  const kept = texts.get(lineage);
  const pieces = kept?.pieces ?? new TextPieces((entry: Entry) => memberText(entry, keptTextOf));
  const [gone, came] = kept ? exchanged(...unshared(kept.root, root)) : [[], part.inOrder()];
  pieces.replace(gone, came);
  if (kept) kept.root = root;
  else texts.set(lineage, { root, pieces });
  if (pieces.places > size * MAX_PLACES) texts.delete(lineage);
  const members = pieces.join();
  return members === undefined ? part.toText() : `{${members}}`;
}

/** The entries that are in one of two lists alone, which are in the order of their keys. */
function exchanged(before: readonly Entry[], after: readonly Entry[]): [gone: Entry[], came: Entry[]] {
  const gone: Entry[] = [];
  const came: Entry[] = [];
  let index = 0;
  for (const entry of after) {
    for (let old = before[index]; old && old.key < entry.key; old = before[index]) {
      gone.push(old);
      index += 1;
    }
    const old = before[index];
    if (old?.key === entry.key) index += 1;
    if (old === entry) continue;
    if (old?.key === entry.key) gone.push(old);
    came.push(entry);
  }
  return [gone.concat(before.slice(index)), came];
}
