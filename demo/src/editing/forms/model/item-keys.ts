import type { JsonValue } from '@campaign-state/client';

/** Items of a list with a key each, by which a control knows its item after others were moved. */
export interface KeyedItems {
  readonly items: readonly JsonValue[];
  readonly keys: readonly number[];
  /** The next new key. */
  readonly next: number;
}

export const NO_ITEMS: KeyedItems = { items: [], keys: [], next: 0 };

/**
 * Keys for a list as it is now: what says the same as before keeps its key wherever it stands; what was edited keeps
 * that of its place.
 */
export function keyed({ items: before, keys, next }: KeyedItems, items: readonly JsonValue[]): KeyedItems {
  const free = new Map<string, number[]>();
  for (const [index, item] of before.entries()) {
    const text = JSON.stringify(item);
    free.set(text, [...(free.get(text) ?? []), index]);
  }
  const kept = items.map((item, index) => {
    const same = free.get(JSON.stringify(item));
    const here = same?.indexOf(index) ?? -1;
    return same?.splice(Math.max(0, here), 1)[0];
  });
  const used = new Set(kept);
  let fresh = next;
  const made = kept.map((from, index) => {
    const place = from ?? (index < before.length && !used.has(index) ? index : undefined);
    return (place === undefined ? undefined : keys[place]) ?? fresh++;
  });
  return { items, keys: made, next: fresh };
}

/** The list with one item in another place. */
export function withMoved<T>(items: readonly T[], from: number, to: number): readonly T[] {
  const [item] = items.slice(from, from + 1);
  return item === undefined ? items : items.toSpliced(from, 1).toSpliced(to, 0, item);
}
