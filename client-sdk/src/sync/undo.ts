import type { EditCommand, SimpleCommand } from '../../../server/core/commands/command.ts';
import { isJsonObject, jsonEqual, type JsonObject } from '../../../server/core/json.ts';
import {
  type DocumentTree,
  isObjectPart,
  memberOf,
  type Part,
  plainOf,
} from '../../../server/core/document/document-tree.ts';
import { isEmptyPatch } from '../../../server/core/document/merge-patch.ts';
import { composePatches } from './compose-patch.ts';
import type { UndoableEdit } from './undoable-edit.ts';

/** Steps that can be taken back. */
const MAX_STEPS = 100;

/** What a person did in one go: an edit, a batch, a rollback, or all that was typed in one field in one sitting. */
interface UndoStep {
  /** Oldest first; never empty. */
  readonly edits: readonly UndoableEdit[];
  /** Epoch milliseconds of the last keystroke, where it was typed. */
  readonly typedAt: number | undefined;
}

/** The steps that can be taken back, and those that can be made again; newest last. */
export interface UndoStacks {
  readonly undo: readonly UndoStep[];
  readonly redo: readonly UndoStep[];
}

/** What an edit was made for: an edit of the app's own clears what could be redone. */
export type EditOrigin = 'edit' | 'undo' | 'redo';

/** That an edit is being typed: it joins the step before it, if that was typed in the same field not long ago. */
export interface Typing {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly groupMs: number;
}

/** The stacks after an edit. */
export function recordStep(stacks: UndoStacks, edit: UndoableEdit, origin: EditOrigin, typing?: Typing): UndoStacks {
  const step: UndoStep = { edits: [edit], typedAt: typing?.now };
  if (origin === 'undo') return { ...stacks, redo: [...stacks.redo, step].slice(-MAX_STEPS) };
  const last = stacks.undo.at(-1);
  // What was typed after an undo is a step of its own.
  const joined = last && typing && stacks.redo.length === 0 && joinStep(last, edit, typing);
  const undo = joined ? [...stacks.undo.slice(0, -1), joined] : [...stacks.undo, step].slice(-MAX_STEPS);
  return { undo, redo: origin === 'edit' ? [] : stacks.redo };
}

/** The step with one more edit, where it was typed in the same field, after a short pause at most. */
function joinStep(step: UndoStep, edit: UndoableEdit, { now, groupMs }: Typing): UndoStep | undefined {
  if (step.typedAt === undefined || now - step.typedAt > groupMs) return undefined;
  const [first] = step.edits;
  if (!first || fieldsOf(first.change) !== fieldsOf(edit.change)) return undefined;
  const joined = { edits: [...step.edits, edit], typedAt: now };
  return totalOf(joined) && joined;
}

/**
 * The stacks after one more keystroke of a held edit, which is the newest: `edit` is what it has become, `undefined`
 * where it changes nothing any more.
 */
export function amendStep(
  stacks: UndoStacks,
  mutationId: string,
  edit: UndoableEdit | undefined,
  typing: Typing,
): UndoStacks {
  const last = stacks.undo.at(-1);
  const wasLast = last?.edits.at(-1)?.mutationId === mutationId;
  const before = wasLast ? { ...last, edits: last.edits.slice(0, -1) } : undefined;
  const without = removeStep(stacks, mutationId);
  if (!edit) return without;
  // However long the edit was held, it stays in the sitting in which it was begun.
  const joined = before && before.edits.length > 0 && joinStep({ ...before, typedAt: typing.now }, edit, typing);
  return joined
    ? { ...without, undo: [...stacks.undo.slice(0, -1), joined] }
    : recordStep(without, edit, 'edit', { ...typing, groupMs: -1 });
}

/** The paths that a change touches, as one text. */
function fieldsOf(change: JsonObject, path = ''): string {
  return Object.keys(change)
    .toSorted()
    .map((key) => {
      const [at, value] = [`${path}/${key}`, change[key]];
      return isJsonObject(value) ? fieldsOf(value, at) : at;
    })
    .join();
}

/** A step as one edit; `undefined` where no single patch says it. */
function totalOf({ edits }: UndoStep): Omit<UndoableEdit, 'mutationId'> | undefined {
  const change = edits.slice(1).reduce((sum, edit) => sum && composePatches(sum, edit.change), edits[0]?.change);
  const inverse = edits
    .slice(0, -1)
    .reduceRight((sum, edit) => sum && composePatches(sum, edit.inverse), edits.at(-1)?.inverse);
  return change && inverse && { change, inverse };
}

/** The stacks without an edit that was refused: it never happened. */
export function removeStep(stacks: UndoStacks, mutationId: string): UndoStacks {
  const isNamed = (edit: UndoableEdit) => edit.mutationId === mutationId;
  const keep = (steps: readonly UndoStep[]) =>
    steps.some(({ edits }) => edits.some(isNamed))
      ? steps.flatMap((step) => {
          const edits = withoutEdit(step.edits, step.edits.findIndex(isNamed));
          return edits.length > 0 ? [{ ...step, edits }] : [];
        })
      : steps;
  return { undo: keep(stacks.undo), redo: keep(stacks.redo) };
}

/** What was typed on top of the removed edit leads back to what was there before that edit. */
function withoutEdit(edits: readonly UndoableEdit[], index: number): readonly UndoableEdit[] {
  const removed = edits[index];
  return removed
    ? edits.flatMap((edit, at) => {
        if (at !== index + 1) return at === index ? [] : [edit];
        return [{ ...edit, inverse: composePatches(edit.inverse, removed.inverse) ?? edit.inverse }];
      })
    : edits;
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
    const total = step && totalOf(step);
    const command = total && commandOf(total, view);
    if (command) return { command, stacks: { ...stacks, [from]: stacks[from].slice(0, index) } };
  }
  return undefined;
}

function commandOf({ change, inverse }: Omit<UndoableEdit, 'mutationId'>, view: DocumentTree): EditCommand | undefined {
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
