import { type DocumentTree, LargeObject } from '../document/document-tree.ts';
import { patchTree } from '../document/merge-patch.ts';
import type { JsonObject } from '../json.ts';
import type { EntryType } from './entry.ts';

/** The fold of a campaign's entries: the document, and the time (epoch milliseconds) at which it was archived. */
export interface CampaignContent {
  /**
   * The document as plain JSON. Of a large one it is made when it is first read, in time that follows its size: where a
   * few members are enough, or the next version is made, read {@link treeOf} instead.
   */
  readonly state: JsonObject;
  readonly archivedAt: number | undefined;
}

/** The content before the first entry. */
export const NOTHING: CampaignContent = { state: {}, archivedAt: undefined };

/** The parts of an entry that the fold reads; entries of a restricted view have no more than these. */
export interface Applicable {
  type?: EntryType;
  change: JsonObject;
  at: number;
}

/** The content with a large document, whose plain form is made when it is read. */
class LargeContent implements CampaignContent {
  readonly document: LargeObject;
  readonly archivedAt: number | undefined;

  constructor(document: LargeObject, archivedAt: number | undefined) {
    this.document = document;
    this.archivedAt = archivedAt;
  }

  get state(): JsonObject {
    return this.document.toPlain();
  }
}

/** The content with that document. */
export function contentOf(document: DocumentTree, archivedAt: number | undefined): CampaignContent {
  return document instanceof LargeObject ? new LargeContent(document, archivedAt) : { state: document, archivedAt };
}

/** The document in the form in which it is read member by member and changed, in time that follows the change. */
export function treeOf(content: CampaignContent): DocumentTree {
  return content instanceof LargeContent ? content.document : content.state;
}

/**
 * The fold step (G6: state = fold(log)): the content after one more entry. It is the same for every type and every
 * format, for ever, because `change` is a merge patch.
 *
 * @example entries.reduce(apply, NOTHING).state
 */
export function apply(content: CampaignContent, entry: Applicable): CampaignContent {
  const before = treeOf(content);
  const document = patchTree(before, entry.change);
  if (entry.type === 'archive') return contentOf(document, entry.at);
  if (entry.type === 'restore') return contentOf(document, undefined);
  return document === before ? content : contentOf(document, content.archivedAt);
}
