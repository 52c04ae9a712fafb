import type { EntryType } from './entry.ts';
import type { JsonObject } from '../json.ts';
import { mergePatch } from '../document/merge-patch.ts';

/** What the entries of a campaign add up to: the document, and when it was archived, if it is. */
export interface CampaignContent {
  state: JsonObject;
  archivedAt: number | undefined;
}

/** Before the first entry. */
export const NOTHING: CampaignContent = { state: {}, archivedAt: undefined };

/** The parts of an entry that change what is seen; a restricted view has no more than these. */
export interface Applicable {
  type?: EntryType;
  change: JsonObject;
  at: number;
}

/**
 * One entry later. The same for every type and every format, for ever: `change` is a merge patch (G6: state =
 * fold(log)).
 *
 * @example entries.reduce(apply, NOTHING).state
 */
export function apply(content: CampaignContent, entry: Applicable): CampaignContent {
  const state = mergePatch(content.state, entry.change);
  if (entry.type === 'archive') return { state, archivedAt: entry.at };
  if (entry.type === 'restore') return { state, archivedAt: undefined };
  return state === content.state ? content : { state, archivedAt: content.archivedAt };
}
