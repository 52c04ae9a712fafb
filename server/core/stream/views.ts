import type { CampaignState } from '../document/campaign.ts';
import { asCampaign } from '../document/campaign.ts';
import type { Entry, ViewEntry } from './entry.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { roleFor, type FieldAccess, type Identity, type Rights, type Role } from '../permissions.ts';

/**
 * The projection of a document that a caller may read: all of it, or all but some fields; of an entry it then shows
 * only the effect on the visible fields (G11). `hash` identifies a restricted view in resume ids and fan-out groups, so
 * that a stream can never be resumed under other rights than those it was read with.
 */
export type View =
  | { readonly kind: 'full' }
  | {
      readonly kind: 'restricted';
      readonly hidden: ReadonlySet<string>;
      /** Whether it shows who changed something, under which mutation id and with which comment. */
      readonly showsActors: boolean;
      /** Whether it shows the document as the rules resolve it for a viewer, and nothing of the rules. */
      readonly resolved: boolean;
      readonly hash: string;
    };

export const FULL_VIEW: View = { kind: 'full' };

/** The views of a server: one of callers without a token, and one for each role. */
export interface Views {
  readonly public: View;
  readonly byRole: Readonly<Record<Role, View>>;
  /** Those of roles that ask to see what some viewer would see. Viewers have no other. */
  readonly resolvedByRole: Readonly<Record<Role, View>>;
}

/** The public view without those top-level fields, and without actors. */
export function restrictedView(hidden: Iterable<string>): View {
  return viewWithout(hidden, false, true);
}

function viewWithout(hidden: Iterable<string>, showsActors: boolean, resolved: boolean): View {
  const names = [...new Set(hidden)].sort();
  // One that hides nothing shows the same as the full one, of a document without targeting.
  const hidesNothing = names.length === 0 && showsActors;
  const hash = hidesNothing ? '' : hashOf(`${showsActors ? 'actors ' : ''}${JSON.stringify(names)}`);
  return { kind: 'restricted', hidden: new Set(names), showsActors, resolved, hash };
}

/**
 * The views that follow from the field rights.
 *
 * @param hiddenFromPublic top-level fields that callers without a token do not see, beside those hidden from viewers
 */
export function viewsOf({ hidden }: Rights, hiddenFromPublic: readonly string[]): Views {
  const rawView = (fields: ReadonlySet<string>): View =>
    fields.size === 0 ? FULL_VIEW : viewWithout(fields, true, false);
  const resolvedView = (fields: ReadonlySet<string>): View => viewWithout(fields, true, true);
  const resolvedByRole = {
    viewer: resolvedView(hidden.viewer),
    editor: resolvedView(hidden.editor),
    admin: resolvedView(hidden.admin),
  };
  return {
    public: restrictedView([...hiddenFromPublic, ...hidden.viewer]),
    byRole: { viewer: resolvedByRole.viewer, editor: rawView(hidden.editor), admin: rawView(hidden.admin) },
    resolvedByRole,
  };
}

/**
 * The view of a caller on one campaign: that of its role; the public one without a token, by the link to a preview,
 * which is handed to people outside, or without a role.
 *
 * @param asViewer whether it asks to see what some viewer would see
 */
export function viewFor(identity: Identity, campaignId: string, views: Views, asViewer = false): View {
  const isOutside = identity.anonymous === true || identity.isPreview === true;
  const role = isOutside ? undefined : roleFor(identity, campaignId);
  return role === undefined ? views.public : (asViewer ? views.resolvedByRole : views.byRole)[role];
}

/** What the field rights keep from a caller on one campaign, where it has a role there. */
export function fieldAccessFor(
  identity: Identity,
  campaignId: string,
  views: Views,
  { readOnly }: Rights,
): FieldAccess | undefined {
  const role = roleFor(identity, campaignId);
  if (role === undefined) return undefined;
  const view = viewFor(identity, campaignId, views);
  const hidden = view.kind === 'full' ? [] : [...view.hidden].toSorted();
  return { hidden, readOnly: [...readOnly[role]].toSorted() };
}

/** The key that identifies a view among others: the empty string for the full one. */
export function viewKey(view: View): string {
  return view.kind === 'full' ? '' : view.hash;
}

/** The key of all views that a caller has, of whichever campaign: callers with the same key see rows alike. */
export function viewsKey(identity: Identity, views: Views): string {
  if (identity.anonymous === true) return viewKey(views.public);
  const keys = Object.keys(identity.grants).map((id) => [id, viewKey(viewFor(identity, id, views))] as const);
  const restricted = keys.filter(([, key]) => key !== '').sort(([a], [b]) => (a < b ? -1 : 1));
  return restricted.length === 0 ? '' : JSON.stringify(restricted);
}

/** Whether the view hides that top-level field. */
export function hides(view: View, field: string): boolean {
  return view.kind === 'restricted' && view.hidden.has(field);
}

/** Whether some view that a caller has, of whichever campaign, hides that top-level field. */
export function hidesAnywhere(identity: Identity, views: Views, field: string): boolean {
  if (identity.anonymous === true) return hides(views.public, field);
  return Object.keys(identity.grants).some((id) => hides(viewFor(identity, id, views), field));
}

/** Whether the view shows who changed something. */
export function showsActors(view: View): boolean {
  return view.kind === 'full' || view.showsActors;
}

/** Whether the view shows the document as the rules resolve it. */
export function isResolved(view: View): boolean {
  return view.kind === 'restricted' && view.resolved;
}

/**
 * The document as the view shows it, rules and all where it is not resolved; the full view shows the document itself.
 */
export function projectState(view: View, state: JsonObject): CampaignState {
  return asCampaign(projectChange(view, state));
}

/**
 * A document or a change of it as the view shows it. A view drops whole fields, also from what the arms of rules would
 * change, so that both are projected alike.
 */
export function projectChange(view: View, change: JsonObject): JsonObject {
  return view.kind === 'full' || view.hidden.size === 0 ? change : without(change, view.hidden);
}

/**
 * The entry as the view shows it, where that is not resolved, or there is no targeting. A view drops whole fields, so
 * the diff between two projections of the document is the change without them.
 */
export function projectEntry(view: View, entry: Entry): Entry | ViewEntry {
  if (view.kind === 'full') return entry;
  const { version, type, at } = entry;
  const change = projectChange(view, entry.change);
  if (view.showsActors) return change === entry.change ? entry : { ...entry, change };
  return type === 'archive' || type === 'restore' ? { version, type, change, at } : { version, change, at };
}

function without(source: JsonObject, hidden: ReadonlySet<string>): JsonObject {
  const shown = Object.fromEntries(Object.entries(source).filter(([key]) => !hidden.has(key)));
  return isJsonObject(shown['rules']) ? { ...shown, rules: rulesWithout(shown['rules'], hidden) } : shown;
}

/** Rules, or a change of them, without what their arms do to hidden fields. */
function rulesWithout(rules: JsonObject, hidden: ReadonlySet<string>): JsonObject {
  return eachMember(rules, (rule) =>
    eachMember(rule, (arms) => eachMember(arms, (arm) => armWithout(arm, hidden)), 'arms'),
  );
}

function armWithout(arm: JsonObject, hidden: ReadonlySet<string>): JsonObject {
  return eachMember(
    arm,
    (change) => {
      const { merge, remove, features, ...rest } = change;
      return {
        ...rest,
        ...(merge !== undefined && { merge: isJsonObject(merge) ? without(merge, hidden) : merge }),
        ...(remove !== undefined && {
          remove: Array.isArray(remove) ? remove.filter((path) => !isInHidden(path, hidden)) : remove,
        }),
        ...(features !== undefined && !hidden.has('features') && { features }),
      };
    },
    'change',
  );
}

/** Whether a path of what an arm removes leads into a hidden field. */
function isInHidden(path: JsonValue, hidden: ReadonlySet<string>): boolean {
  const field = Array.isArray(path) ? path[0] : undefined;
  return typeof field === 'string' && hidden.has(field);
}

/** The object with those of its members that are objects changed; of all members, or of the one of that name. */
function eachMember(source: JsonObject, change: (member: JsonObject) => JsonObject, only?: string): JsonObject {
  return Object.fromEntries(
    Object.entries(source).map(([key, member]) => [
      key,
      isJsonObject(member) && (only === undefined || key === only) ? change(member) : member,
    ]),
  );
}

/** FNV-1a, 32 bits: identifies a list of fields; nothing secret depends on it. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
