import type { CampaignState } from '../document/campaign.ts';
import { asCampaign } from '../document/campaign.ts';
import type { Entry, ViewEntry } from './entry.ts';
import type { JsonObject } from '../json.ts';
import type { Identity } from '../permissions.ts';

/**
 * What a caller may see of a document: all of it, or all but some fields, and then of an entry no more than what it did
 * to the visible part (G11). `hash` names a restricted view in resume ids and rooms: a change of rights can never go on
 * from a position that was reached under others.
 */
export type View =
  | { readonly kind: 'full' }
  | { readonly kind: 'restricted'; readonly hidden: ReadonlySet<string>; readonly hash: string };

export const FULL_VIEW: View = { kind: 'full' };

/** A view without those top-level fields. */
export function restrictedView(hidden: readonly string[]): View {
  const names = [...new Set(hidden)].sort();
  return { kind: 'restricted', hidden: new Set(names), hash: hashOf(JSON.stringify(names)) };
}

/** Who has no token sees the public view; everyone else all of it. */
export function viewFor(identity: Identity, publicView: View): View {
  return identity.anonymous === true ? publicView : FULL_VIEW;
}

/** Names the view among others: the empty string for the full one. */
export function viewKey(view: View): string {
  return view.kind === 'full' ? '' : view.hash;
}

/** Whether that view shows nothing of that top-level field. */
export function hides(view: View, field: string): boolean {
  return view.kind === 'restricted' && view.hidden.has(field);
}

export function projectState(view: View, state: JsonObject): CampaignState {
  return asCampaign(view.kind === 'full' ? state : without(state, view.hidden));
}

/**
 * The entry as that view shows it. The projection drops whole fields, so that the diff between two projections is the
 * patch without them.
 */
export function projectEntry(view: View, entry: Entry): Entry | ViewEntry {
  if (view.kind === 'full') return entry;
  const { version, type, at } = entry;
  const change = without(entry.change, view.hidden);
  return type === 'archive' || type === 'restore' ? { version, type, change, at } : { version, change, at };
}

function without(source: JsonObject, hidden: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !hidden.has(key)));
}

/** FNV-1a, 32 bits: names a list of fields; nothing secret depends on it. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
