import type { ChangeCommand, SimpleCommand } from '../commands/command.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

/** Keys into a document, outermost first. The empty path is the whole campaign. */
export type LockPath = readonly string[];

/** Whether one path is the other, or leads to it. */
export function isPrefixOf(prefix: LockPath, path: LockPath): boolean {
  return prefix.length <= path.length && prefix.every((key, index) => key === path[index]);
}

/** Whether two locks exclude each other: what one of them covers includes the other. */
export function pathsConflict(a: LockPath, b: LockPath): boolean {
  return isPrefixOf(a, b) || isPrefixOf(b, a);
}

/**
 * Whether a merge patch writes at that path: to the value there, to something below it, or to something above it that
 * is replaced as a whole. An object on the way that says nothing of the next key leaves the path alone.
 */
export function patchTouches(patch: JsonObject, path: LockPath): boolean {
  let at: JsonObject = patch;
  for (const [index, key] of path.entries()) {
    if (!Object.hasOwn(at, key)) return false;
    const value = at[key];
    if (!isJsonObject(value) || index === path.length - 1) return true;
    at = value;
  }
  return Object.keys(at).length > 0;
}

/**
 * Whether a command writes at a path, by what it names and not by its effect: an edit that comes to nothing today is
 * still an edit of somebody else's section. Commands that stand for a whole document touch every path.
 */
export function commandTouches(command: ChangeCommand, path: LockPath): boolean {
  switch (command.type) {
    case 'update':
    case 'updateFeatures':
    case 'updateConfig':
      return simpleTouches(command, path);
    case 'batch':
      return command.commands.some((part) => simpleTouches(part, path));
    case 'updateRule':
    case 'shipRule':
      return pathsConflict(['rules', command.key], path);
    case 'updateSegment':
      return pathsConflict(['segments', command.key], path);
    case 'updateGroup':
      return pathsConflict(['groups', command.key], path);
    case 'updateHoldout':
      return pathsConflict(['holdouts', command.key], path);
    case 'rollback':
    case 'archive':
    case 'restore':
      return true;
  }
}

function simpleTouches(command: SimpleCommand, path: LockPath): boolean {
  switch (command.type) {
    case 'update':
      return patchTouches(command.updates, path);
    case 'updateFeatures':
      return pathsConflict(['features'], path);
    case 'updateConfig':
      return command.mode === 'replace'
        ? pathsConflict([command.section], path)
        : patchTouches({ [command.section]: command.value }, path);
  }
}
