import type { Part } from './document-tree.ts';
import { eachDifferent, memberText, PersistentObject, type Entry, type Node } from './persistent-object.ts';
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
  if (size < KEPT_TEXT_MEMBERS) {
    // It has been larger, perhaps.
    texts.delete(lineage);
    return part.toText();
  }
  const kept = texts.get(lineage);
  const pieces = kept?.pieces ?? new TextPieces((entry: Entry) => memberText(entry, keptTextOf));
  const [gone, came] = kept ? exchanged(kept.root, root) : [[], part.inOrder()];
  pieces.replace(gone, came);
  if (kept) kept.root = root;
  else texts.set(lineage, { root, pieces });
  if (pieces.places > size * MAX_PLACES) texts.delete(lineage);
  const members = pieces.join();
  return members === undefined ? JSON.stringify(part.toPlain()) : `{${members}}`;
}

/** The entries that two versions do not share. */
function exchanged(before: Node, after: Node): [gone: Entry[], came: Entry[]] {
  const gone: Entry[] = [];
  const came: Entry[] = [];
  eachDifferent(before, after, (old, now) => {
    if (old) gone.push(old);
    if (now) came.push(now);
  });
  return [gone, came];
}
