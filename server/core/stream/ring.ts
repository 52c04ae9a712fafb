/** Item of a ring; versions are contiguous. */
export interface Versioned {
  readonly version: number;
}

/** Ring buffer of a campaign's newest entries, bounded in number and bytes (G10). */
export interface Ring<T extends Versioned> {
  /** Adds the next version; after a gap the ring starts again with that item. */
  push(item: T, bytes: number): void;
  /**
   * Items after that version, oldest first; `undefined` where the ring does not reach back so far, or has not reached
   * that version yet.
   */
  after(version: number): T[] | undefined;
  /** The ring holds every item after this version. */
  readonly floor: number;
  readonly size: number;
  clear(floor: number): void;
}

/**
 * Creates an empty ring of at most `maxItems` items and `maxBytes` bytes; the newest item always stays.
 *
 * @param floor the version before the first item
 */
export function createRing<T extends Versioned>(maxItems: number, maxBytes: number, floor: number): Ring<T> {
  let items: { item: T; bytes: number }[] = [];
  // Dropped items stay in the array until they are as many as the kept ones: dropping costs nothing on average.
  let start = 0;
  let bytes = 0;
  let before = floor;

  const newest = (): number => before + items.length - start;

  const dropOldest = (): void => {
    bytes -= items[start]?.bytes ?? 0;
    start += 1;
    before += 1;
    if (start * 2 > items.length) {
      items = items.slice(start);
      start = 0;
    }
  };

  const clear = (version: number): void => {
    items = [];
    start = 0;
    bytes = 0;
    before = version;
  };

  return {
    push(item, size) {
      if (item.version !== newest() + 1) clear(item.version - 1);
      items.push({ item, bytes: size });
      bytes += size;
      while (items.length - start > 1 && (items.length - start > maxItems || bytes > maxBytes)) dropOldest();
    },
    after(version) {
      if (version < before || version > newest()) return undefined;
      return items.slice(start + version - before).map(({ item }) => item);
    },
    get floor() {
      return before;
    },
    get size() {
      return items.length - start;
    },
    clear,
  };
}
