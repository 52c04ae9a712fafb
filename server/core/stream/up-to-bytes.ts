/**
 * The first of these, up to and with the one that brings their sizes to `bytes`: so that there is none only where none
 * was given.
 */
export function upToBytes<T>(items: readonly T[], bytes: number, sizeOf: (item: T) => number): T[] {
  let total = 0;
  const end = items.findIndex((item) => (total += sizeOf(item)) >= bytes);
  return end < 0 ? [...items] : items.slice(0, end + 1);
}
