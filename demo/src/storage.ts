/*
 * What the pages keep in the browser. A browser may forbid a page its storage; then nothing is remembered, and nothing
 * else changes.
 */

/** What was kept under that name; `undefined` where nothing was, or storage is forbidden. */
export function readStored(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a text under that name, where the browser lets it. */
export function writeStored(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It holds for as long as the page does.
  }
}
