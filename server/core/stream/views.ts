import type { CampaignState } from '../document/campaign.ts';
import { asCampaign } from '../document/campaign.ts';
import type { Entry, ViewEntry } from './entry.ts';
import type { JsonObject } from '../json.ts';
import type { Identity } from '../permissions.ts';

/**
 * The projection of a document that a caller may read: all of it, or all but some fields; of an entry it then shows only
 * the effect on the visible fields (G11). `hash` identifies a restricted view in resume ids and fan-out groups, so that
 * a stream can never be resumed under other rights than those it was read with.
 */
export type View =
  | { readonly kind: 'full' }
  | { readonly kind: 'restricted'; readonly hidden: ReadonlySet<string>; readonly hash: string };

export const FULL_VIEW: View = { kind: 'full' };

/** The view without those top-level fields. */
export function restrictedView(hidden: readonly string[]): View {
  const names = [...new Set(hidden)].sort();
  return { kind: 'restricted', hidden: new Set(names), hash: hashOf(JSON.stringify(names)) };
}

/** The view of a caller: the public one without a token, else the full one. */
export function viewFor(identity: Identity, publicView: View): View {
  return identity.anonymous === true ? publicView : FULL_VIEW;
}

/** The key that identifies a view among others: the empty string for the full one. */
export function viewKey(view: View): string {
  return view.kind === 'full' ? '' : view.hash;
}

/** Whether the view hides that top-level field. */
export function hides(view: View, field: string): boolean {
  return view.kind === 'restricted' && view.hidden.has(field);
}

/** The document as the view shows it; the full view shows the document itself. */
export function projectState(view: View, state: JsonObject): CampaignState {
  return asCampaign(view.kind === 'full' ? state : without(state, view.hidden));
}

/**
 * The entry as the view shows it. A view drops whole fields, so the diff between two projections of the document is the
 * change without them.
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

/** FNV-1a, 32 bits: identifies a list of fields; nothing secret depends on it. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
