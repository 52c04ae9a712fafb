import { list, record } from '../audience/read.ts';

type Json = Readonly<Record<string, unknown>>;

/** One line of a readable difference. */
export type ChangedLine =
  | { kind: 'value'; path: string; before: string | undefined; after: string | undefined }
  | { kind: 'set'; path: string; added: string[]; removed: string[] };

/** The members that a merge patch touches, outermost first, as dotted paths. */
export function changedPaths(change: Json): string[] {
  return leavesOf(change, []).map(({ path }) => path.join('.'));
}

/** What a merge patch did to the document that stood before it, line by line. */
export function describeChange(before: unknown, change: Json): ChangedLine[] {
  return leavesOf(change, []).map(({ path, value }) => {
    const old = path.reduce<unknown>((at, key) => record(at)[key], before);
    const name = path.join('.');
    if (isSet(value) && isSet(old)) {
      const added = value.filter((item) => !old.includes(item));
      return { kind: 'set', path: name, added, removed: old.filter((item) => !value.includes(item)) };
    }
    return { kind: 'value', path: name, before: readable(old), after: readable(value) };
  });
}

/** What stands at the innermost places of a merge patch. */
export function leavesOf(change: Json, at: readonly string[]): { path: readonly string[]; value: unknown }[] {
  return Object.entries(change).flatMap(([key, value]) => {
    const path = [...at, key];
    return isObject(value) && Object.keys(value).length > 0 ? leavesOf(record(value), path) : [{ path, value }];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSet(value: unknown): value is string[] {
  return Array.isArray(value) && list(value).every((item) => typeof item === 'string');
}

function readable(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (isSet(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
