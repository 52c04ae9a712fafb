/*
 * What the pages keep in the browser. A browser may forbid a page its storage; then nothing is remembered, and nothing
 * else changes.
 */

/** For all tabs and visits, or for this tab alone. */
type Reach = 'browser' | 'tab';

/** Looked at when it is used: where storage is forbidden, its very name throws. */
function areaOf(reach: Reach): Storage {
  return reach === 'tab' ? sessionStorage : localStorage;
}

/** What was kept under that name; `undefined` where nothing was, or storage is forbidden. */
export function readStored(key: string, reach: Reach = 'browser'): string | undefined {
  try {
    return areaOf(reach).getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps a text under that name.
 *
 * @returns whether the browser lets it; else it holds for as long as the page does
 */
export function writeStored(key: string, value: string, reach: Reach = 'browser'): boolean {
  try {
    areaOf(reach).setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

/**
 * Calls back when another tab has kept something else under that name.
 *
 * @returns how to stop that
 */
export function onStored(key: string, callback: () => void): () => void {
  // Without a name everything was removed.
  const onStorage = (event: StorageEvent): void => void ((event.key ?? key) === key && callback());
  addEventListener('storage', onStorage);
  return () => removeEventListener('storage', onStorage);
}
