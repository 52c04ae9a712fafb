import type { EditCommand, SimpleCommand } from '../../../server/core/commands/command.ts';
import { effect } from '../../../server/core/commands/effect.ts';
import { isJsonObject, jsonEqual, type JsonObject } from '../../../server/core/json.ts';
import { isObjectPart, memberOf, plainOf, type DocumentTree } from '../../../server/core/document/document-tree.ts';
import { diff, isEmptyPatch, patchTree } from '../../../server/core/document/merge-patch.ts';
import type { Part } from '../../../server/core/document/persistent-object.ts';

/** Edits that can be taken back. */
const MAX_STEPS = 100;

/** One edit of this client: what it changed, and what would change it back. */
interface UndoStep {
  readonly mutationId: string;
  readonly change: JsonObject;
  readonly inverse: JsonObject;
}

/** The steps that can be taken back, and those that can be made again; newest last. */
export interface UndoStacks {
  readonly undo: readonly UndoStep[];
  readonly redo: readonly UndoStep[];
}

/** What an edit was made for: an edit of the app's own clears what could be redone. */
export type EditOrigin = 'edit' | 'undo' | 'redo';

export const NO_UNDO: UndoStacks = { undo: [], redo: [] };

/** The stacks after an edit that was made on `view`. */
export function recordStep(
  stacks: UndoStacks,
  mutationId: string,
  view: DocumentTree,
  command: EditCommand,
  origin: EditOrigin,
): UndoStacks {
  const change = effect(view, command);
  if (isEmptyPatch(change)) return stacks;
  const step = { mutationId, change, inverse: diff(patchTree(view, change), view) };
  if (origin === 'undo') return { ...stacks, redo: [...stacks.redo, step].slice(-MAX_STEPS) };
  return { undo: [...stacks.undo, step].slice(-MAX_STEPS), redo: origin === 'edit' ? [] : stacks.redo };
}

/** The stacks without an edit that was refused: it never happened. */
export function removeStep(stacks: UndoStacks, mutationId: string): UndoStacks {
  const keep = (steps: readonly UndoStep[]) =>
    steps.some((step) => step.mutationId === mutationId)
      ? steps.filter((step) => step.mutationId !== mutationId)
      : steps;
  return { undo: keep(stacks.undo), redo: keep(stacks.redo) };
}

/**
 * The command that takes back the newest step that can still be taken back on this view, and the stacks without it and
 * what stood above it. What someone has changed since is theirs, and stays.
 */
export function nextUndo(
  stacks: UndoStacks,
  from: 'undo' | 'redo',
  view: DocumentTree,
): { readonly command: EditCommand; readonly stacks: UndoStacks } | undefined {
  for (let index = stacks[from].length - 1; index >= 0; index -= 1) {
    const step = stacks[from][index];
    const command = step && commandOf(step, view);
    if (command) return { command, stacks: { ...stacks, [from]: stacks[from].slice(0, index) } };
  }
  return undefined;
}

function commandOf({ change, inverse }: UndoStep, view: DocumentTree): EditCommand | undefined {
  const { features: before, ...others } = inverse;
  const commands: SimpleCommand[] = [];
  if (before !== undefined)
    commands.push(...featureCommands(strings(before), strings(change.features), strings(memberOf(view, 'features'))));
  const updates = stillOurs(others, change, view);
  if (!isEmptyPatch(updates)) commands.push({ type: 'update', updates });
  const [first] = commands;
  return commands.length > 1 ? { type: 'batch', commands } : first;
}

/** A set is taken back member by member, so that members which others have added or removed since are left alone. */
function featureCommands(before: readonly string[], after: readonly string[], now: readonly string[]): SimpleCommand[] {
  const added = after.filter((name) => !before.includes(name) && now.includes(name));
  const removed = before.filter((name) => !after.includes(name) && !now.includes(name));
  const commands: SimpleCommand[] = [];
  if (added.length > 0) commands.push({ type: 'updateFeatures', features: added, action: 'remove' });
  if (removed.length > 0) commands.push({ type: 'updateFeatures', features: removed, action: 'add' });
  // Nothing came or went: it was the order that changed.
  if (commands.length === 0 && jsonEqual([...after], [...now]) && !jsonEqual([...before], [...now])) {
    commands.push({ type: 'updateFeatures', features: [...before], action: 'set' });
  }
  return commands;
}

/** The part of the inverse whose members still have the values that our change gave them. */
function stillOurs(inverse: JsonObject, change: JsonObject, now: DocumentTree): JsonObject {
  const kept: JsonObject = {};
  for (const key of Object.keys(inverse)) {
    const [back, made] = [inverse[key], change[key]];
    const present = memberOf(now, key);
    if (back === undefined) continue;
    if (isJsonObject(back) && isJsonObject(made) && isObjectPart(present)) {
      const inner = stillOurs(back, made, present);
      if (!isEmptyPatch(inner)) kept[key] = inner;
    } else if (made === null ? present === undefined : present !== undefined && jsonEqual(plainOf(present), made)) {
      kept[key] = back;
    }
  }
  return kept;
}

function strings(value: Part | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
