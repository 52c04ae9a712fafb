import type { EntryType } from './entry.ts';
import type { JsonObject } from '../json.ts';
import { mergePatch } from '../document/merge-patch.ts';

/** The fold of a campaign's entries: the document, and the time (epoch milliseconds) at which it was archived. */
export interface CampaignContent {
  state: JsonObject;
  archivedAt: number | undefined;
}

/** The content before the first entry. */
export const NOTHING: CampaignContent = { state: {}, archivedAt: undefined };

/** The parts of an entry that the fold reads; entries of a restricted view have no more than these. */
export interface Applicable {
  type?: EntryType;
  change: JsonObject;
  at: number;
}

/**
 * The fold step (G6: state = fold(log)): the content after one more entry. It is the same for every type and every
 * format, for ever, because `change` is a merge patch.
 *
 * @example entries.reduce(apply, NOTHING).state
 */
export function apply(content: CampaignContent, entry: Applicable): CampaignContent {
  const state = mergePatch(content.state, entry.change);
  if (entry.type === 'archive') return { state, archivedAt: entry.at };
  if (entry.type === 'restore') return { state, archivedAt: undefined };
  return state === content.state ? content : { state, archivedAt: content.archivedAt };
}
