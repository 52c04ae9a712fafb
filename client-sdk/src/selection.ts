import type { Readable } from './types.ts';

/**
 * A selection of a store: calls back with the present one, and whenever it changes.
 *
 * @param isEqual when two selections count as the same; default `Object.is`
 * @returns how to stop
 */
export function watchSelection<S, T>(
  store: Readable<S>,
  select: (snapshot: S) => T,
  callback: (selection: T) => void,
  isEqual: (a: T, b: T) => boolean = Object.is,
): () => void {
  let shown = select(store.getSnapshot());
  callback(shown);
  return store.subscribe(() => {
    const selection = select(store.getSnapshot());
    if (isEqual(shown, selection)) return;
    shown = selection;
    callback(selection);
  });
}
