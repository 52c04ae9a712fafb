import type { EditCommand, SimpleCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import { isObjectPart, memberOf, plainOf, type DocumentTree } from '../../../server/core/document/document-tree.ts';
import { isEmptyPatch, patchTree } from '../../../server/core/document/merge-patch.ts';
import type { Path } from '../../../server/core/errors.ts';
import { isJsonObject, jsonEqual, type JsonObject, type JsonValue } from '../../../server/core/json.ts';
import { treeOf } from '../../../server/core/stream/apply.ts';
import { CampaignError } from '../errors.ts';
import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';
import { parsePosition } from '../../../server/core/stream/position.ts';
import { mergeConflicts, type Conflict, type Place } from './conflicts.ts';
import { positionOf, type Mirror } from './mirror.ts';
import { isHeld, WAITING, type Pending, type PendingTransition, type Settlement } from './pending.ts';

/*
 * The rules of conflicts. They are loaded when the first edit is made, because most pages never edit.
 */

/** One step of the stream: what was confirmed before it and after it, and the entries that led there. */
export interface MirrorStep {
  readonly before: Mirror;
  readonly after: Mirror;
  readonly entries: readonly (Entry | ViewEntry)[];
  /** Whether an entry that belongs to no pending edit is this client's all the same: a rollback. */
  readonly isOwn: (mutationId: string) => boolean;
}

/**
 * The conflicts of pending edits with one step of the stream, by mutation id.
 *
 * A three-way comparison by place: the base is the document before the step, `theirs` is what the entries of others
 * made of it, `mine` is what the edit makes of it. They conflict where both changed the same place, or one an ancestor
 * of the other's, to different values. An entry counts against an edit only if the edit lands behind it, and was not
 * made knowing of it. Members of `features` that are added or removed merge, and do not conflict.
 *
 * Where the entries are not known, see `findStaleEdits`.
 */
export function findConflicts(pending: readonly Pending[], step: MirrorStep): ReadonlyMap<string, readonly Conflict[]> {
  const found = new Map<string, readonly Conflict[]>();
  const own = new Set(pending.map(({ mutation }) => mutation.mutationId));
  const foreign = step.entries.filter(
    (entry) => !('mutationId' in entry) || !(own.has(entry.mutationId) || step.isOwn(entry.mutationId)),
  );
  if (pending.length === 0 || foreign.length === 0) return found;

  let view = treeOf(step.before.content);
  for (const item of pending) {
    if (item.containedAt !== undefined) continue;
    const { mutationId, command } = item.mutation;
    const change = effect(view, command);
    view = patchTree(view, change);
    const base = parsePosition(item.mutation.base ?? '');
    if (!base) continue;
    const knew = base.epoch === step.after.epoch ? base.version : 0;
    const until = landedAt(item, step);
    const against = foreign.filter(({ version }) => version > knew && version < until);
    if (against.length === 0) continue;
    const theirs = stateBefore(until, step);
    const conflicts = placesOf(view, command, change).flatMap(({ path, mine }): Conflict[] => {
      const entry = against.findLast((one) => touches(one.change, path));
      const value = valueAt(theirs, path);
      if (!entry || jsonEqual(value, mine)) return [];
      const actor = 'actor' in entry ? entry.actor : undefined;
      return [{ mutationId, path, theirs: value, mine, actor, version: entry.version, at: entry.at }];
    });
    if (conflicts.length > 0) found.set(mutationId, conflicts);
  }
  return found;
}

/** The version at which the edit landed, where that is known. */
function landedAt({ mutation, delivery }: Pending, { entries, after }: MirrorStep): number {
  const entry = entries.find((one) => 'mutationId' in one && one.mutationId === mutation.mutationId);
  if (entry) return entry.version;
  return delivery.kind === 'accepted' && delivery.receipt.epoch === after.epoch ? delivery.receipt.version : Infinity;
}

function stateBefore(version: number, { before, after, entries }: MirrorStep): DocumentTree {
  if (version > after.version) return treeOf(after.content);
  return entries
    .filter((entry) => entry.version < version)
    .reduce((tree, entry) => patchTree(tree, entry.change), treeOf(before.content));
}

/** The places that a command changes in a view; not `features` where it adds or removes members, which merge. */
export function placesOf(view: DocumentTree, command: EditCommand, change = effect(view, command)): readonly Place[] {
  const places = leavesOf(change).map(({ path, value }) => ({ path, was: valueAt(view, path), mine: value }));
  return setsFeatures(command) ? places : places.filter(({ path }) => path[0] !== 'features');
}

/**
 * The conflicts of edits that were made on another state than the confirmed one, where the entries between the two are
 * not known: after a snapshot, and for edits of an earlier page. A place whose value is none that this client has seen
 * or made there was changed by somebody else; of an edit that asks and of which the places are not known, as its page
 * ended before the rules were there, each that it would change.
 */
export function findStaleEdits(pending: readonly Pending[], mirror: Mirror): ReadonlyMap<string, readonly Conflict[]> {
  const found = new Map<string, readonly Conflict[]>();
  const state = treeOf(mirror.content);
  const places = pending.flatMap((item) => item.places ?? []);
  for (const item of pending) {
    if (item.containedAt !== undefined || item.delivery.kind === 'sent' || item.delivery.kind === 'accepted') continue;
    const { mutationId, command, base } = item.mutation;
    // Nobody knows what it was made on, and so not whether somebody else changed the same.
    const isUnknown = !item.places && item.onConflict === 'ask' && base !== positionOf(mirror);
    const changed = isUnknown ? placesOf(state, command) : (item.places ?? []);
    const conflicts = changed.flatMap(({ path, mine }): Conflict[] => {
      const value = valueAt(state, path);
      const isKnown = isUnknown
        ? jsonEqual(value, mine)
        : places.some(
            (place) =>
              jsonEqual([...place.path], [...path]) && [place.was, place.mine].some((known) => jsonEqual(known, value)),
          );
      return isKnown
        ? []
        : [{ mutationId, path, theirs: value, mine, actor: undefined, version: mirror.version, at: undefined }];
    });
    if (conflicts.length > 0) found.set(mutationId, conflicts);
  }
  return found;
}

/** The places that a patch changes, with the value that it gives them. */
function leavesOf(patch: JsonObject, at: Path = []): { readonly path: Path; readonly value: JsonValue | undefined }[] {
  return Object.keys(patch).flatMap((key) => {
    const [path, value] = [[...at, key], patch[key]];
    if (isJsonObject(value) && !isEmptyPatch(value)) return leavesOf(value, path);
    return [{ path, value: value ?? undefined }];
  });
}

/** Whether a patch changes that place, an ancestor of it, or something in it. */
function touches(patch: JsonObject, [key, ...rest]: Path): boolean {
  if (key === undefined) return true;
  const value = Object.hasOwn(patch, key) ? patch[key] : undefined;
  if (value === undefined) return false;
  return isJsonObject(value) ? touches(value, rest) : true;
}

function valueAt(tree: DocumentTree, [key, ...rest]: Path): JsonValue | undefined {
  const part = key === undefined ? tree : memberOf(tree, String(key));
  if (part === undefined) return undefined;
  if (rest.length === 0) return plainOf(part);
  return isObjectPart(part) ? valueAt(part, rest) : undefined;
}

function setsFeatures(command: EditCommand): boolean {
  if (command.type === 'batch') return command.commands.some(setsFeatures);
  return command.type === 'updateFeatures' ? command.action === 'set' : command.type === 'update';
}

/** Whether an edit that is made now changes a place of a conflict that is still to be resolved. */
function meets(change: JsonObject, { path }: Conflict): boolean {
  return touches(change, path);
}

/** What an edit that is made now makes of the place of a conflict. */
function mineAt(change: JsonObject, { path }: Conflict): JsonValue | undefined {
  const value = path.reduce<JsonValue | undefined>((part, key) => (isJsonObject(part) ? part[key] : undefined), change);
  return value ?? undefined;
}

/** Whether the confirmed state has what this client wanted in that place. */
export function isSettled(mirror: Mirror, { path, mine }: Conflict): boolean {
  // `mine` was a JSON value, and is one again after it was kept on the device.
  return jsonEqual(valueAt(treeOf(mirror.content), path), mine as JsonValue | undefined);
}

/** The command without what it does to those places; `undefined` where nothing is left. */
function withoutPlaces(command: EditCommand, conflicts: readonly Conflict[]): EditCommand | undefined {
  if (command.type !== 'batch') return simpleWithout(command, conflicts);
  const commands = command.commands.flatMap((simple) => simpleWithout(simple, conflicts) ?? []);
  return commands.length > 0 ? { type: 'batch', commands } : undefined;
}

function simpleWithout(command: SimpleCommand, conflicts: readonly Conflict[]): SimpleCommand | undefined {
  switch (command.type) {
    case 'update': {
      const updates = conflicts.reduce((rest, { path }) => cut(rest, path), command.updates);
      return isEmptyPatch(updates) ? undefined : { ...command, updates };
    }
    case 'updateConfig': {
      const patch = { [command.section]: command.value };
      if (command.mode === 'replace')
        return conflicts.some((conflict) => conflict.path[0] === command.section) ? undefined : command;
      const value = conflicts.reduce((rest, { path }) => cut(rest, path), patch as JsonObject)[command.section];
      return isJsonObject(value) ? { ...command, value } : undefined;
    }
    case 'updateFeatures':
      return command.action === 'set' && conflicts.some(({ path }) => path[0] === 'features') ? undefined : command;
  }
}

function cut(patch: JsonObject, [key, ...rest]: Path): JsonObject {
  if (key === undefined || !Object.hasOwn(patch, key)) return patch;
  const { [key]: value, ...others } = patch;
  const inner = isJsonObject(value) && rest.length > 0 ? cut(value, rest) : {};
  return isEmptyPatch(inner) ? others : { ...patch, [key]: inner };
}

/**
 * Applies the policy of each mutation to its conflicts. What may have been sent already cannot be kept back, nor cut:
 * it overwrites, and is reported.
 *
 * @param isSettled whether the confirmed state has what this client wanted in that place, so that nothing is left to
 *   ask
 */
export function applyConflicts(
  { pending, settled }: PendingTransition,
  found: ReadonlyMap<string, readonly Conflict[]>,
  isSettled: (conflict: Conflict) => boolean,
): PendingTransition {
  const told: Settlement[] = [];
  const rest = new Map<string, Pending>(pending.map((item) => [item.mutation.mutationId, item]));
  for (const item of pending) {
    const { mutationId } = item.mutation;
    const conflicts = mergeConflicts(item.conflicts ?? [], found.get(mutationId) ?? []).filter(
      (one) => !isSettled(one),
    );
    if (item.conflicts && (item.containedAt !== undefined || conflicts.length === 0))
      rest.set(mutationId, { ...item, conflicts: undefined, delivery: isHeld(item) ? { kind: 'held' } : WAITING });
    else if (item.conflicts) rest.set(mutationId, { ...item, conflicts });
  }
  for (const [mutationId, conflicts] of found) {
    const item = rest.get(mutationId);
    const canBeKeptBack =
      item && item.containedAt === undefined && ['held', 'waiting', 'conflicted'].includes(item.delivery.kind);
    if (canBeKeptBack && item.onConflict === 'ask') {
      rest.set(mutationId, {
        ...item,
        conflicts: item.conflicts ?? conflicts,
        delivery: { kind: 'conflicted', isHeld: isHeld(item) },
      });
      told.push({ kind: 'conflict', mutationId, conflicts });
    } else if (canBeKeptBack && item.onConflict === 'theirs' && item.isUnsent) {
      const cut = cutPlaces(item, conflicts);
      told.push({ kind: 'conflict', mutationId, conflicts }, ...cut.settled);
      if (cut.item) rest.set(mutationId, cut.item);
      else rest.delete(mutationId);
    } else told.push({ kind: 'overwritten', mutationId, conflicts });
  }
  return { pending: [...rest.values()], settled: [...told, ...settled] };
}

/** The mutation without those places; none where nothing is left of it. */
function cutPlaces(
  item: Pending,
  conflicts: readonly Conflict[],
): { readonly item: Pending | undefined; readonly settled: readonly Settlement[] } {
  const { mutationId, command } = item.mutation;
  const left = withoutPlaces(command, conflicts);
  if (left) return { item: { ...item, mutation: { ...item.mutation, command: left } }, settled: [] };
  const [conflict] = conflicts;
  const error = new CampaignError({
    reason: 'CONFLICT',
    message: `${conflict?.path.join('.')}: it was changed by somebody else meanwhile`,
    mutationId,
    retryable: false,
    ...(conflict && { path: conflict.path }),
  });
  return { item: undefined, settled: [{ kind: 'rejected', mutationId, command, error }] };
}

/** A new mutation that changes a place whose conflict is still to be resolved is kept back with it. */
export function joinConflicts(pending: readonly Pending[], made: Pending, change: JsonObject): Pending {
  if (made.onConflict !== 'ask') return made;
  const { mutationId } = made.mutation;
  const conflicts = pending
    .flatMap((item) => (item.delivery.kind === 'conflicted' ? (item.conflicts ?? []) : []))
    .filter((conflict) => meets(change, conflict))
    .map((conflict) => ({ ...conflict, mutationId, mine: mineAt(change, conflict) }));
  if (conflicts.length === 0) return made;
  return { ...made, conflicts: mergeConflicts([], conflicts), delivery: { kind: 'conflicted', isHeld: isHeld(made) } };
}

/**
 * The conflicts of one mutation are resolved, and with them those of all others in the same places. `mine`: they are
 * sent as a new intent, behind everything that was made meanwhile. `theirs`: they are cut.
 */
export function resolveConflicts(
  pending: readonly Pending[],
  mutationId: string,
  choice: 'mine' | 'theirs',
  mirror: Mirror | undefined,
): PendingTransition {
  const named = pending.find((item) => item.mutation.mutationId === mutationId)?.conflicts ?? [];
  const places = new Set(named.map(({ path }) => path.join('\0')));
  const settled: Settlement[] = [];
  const before: Pending[] = [];
  const moved: Pending[] = [];
  for (const item of pending) {
    const { conflicts = [], ...resolved } = { ...item, delivery: isHeld(item) ? ({ kind: 'held' } as const) : WAITING };
    if (!conflicts.some(({ path }) => places.has(path.join('\0')))) before.push(item);
    else if (choice === 'mine') {
      const { isRetry, mutation } = resolved;
      const base = mirror && !isRetry ? { base: positionOf(mirror) } : {};
      // It is known to overwrite theirs.
      moved.push({ ...resolved, onConflict: undefined, places: undefined, mutation: { ...mutation, ...base } });
    } else {
      const cut = cutPlaces(resolved, conflicts);
      settled.push(...cut.settled);
      if (cut.item) before.push(cut.item);
    }
  }
  const newest = before.at(-1);
  const heldLast = newest && isHeld(newest) ? before.splice(-1) : [];
  return { pending: [...before, ...moved, ...heldLast], settled };
}

/** The mutations that were made on this state, with the places that they change. */
export function withPlaces(pending: readonly Pending[], mirror: Mirror): readonly Pending[] {
  let view = treeOf(mirror.content);
  return pending.map((item) => {
    const { command, base } = item.mutation;
    const places = item.places ?? (base === positionOf(mirror) ? placesOf(view, command) : undefined);
    if (item.containedAt === undefined) view = patchTree(view, effect(view, command));
    return { ...item, places };
  });
}
