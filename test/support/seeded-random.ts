/** Chance that can be repeated: everything that is drawn follows from the seed. */
export interface SeededRandom {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** True in that share of all cases. */
  chance(share: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Another generator, whose draws do not depend on how often this one is asked from now on. */
  fork(): SeededRandom;
}

/**
 * mulberry32: 32 bits of state, good enough for schedules and inputs, and the same on every machine.
 *
 * @example seededRandom(7).int(1, 6) === seededRandom(7).int(1, 6) // true
 */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;

  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));

  return {
    next,
    int,
    chance: (share) => next() < share,
    pick(items) {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      // The index is below the length, so that this is an item; `T` itself may include `undefined`.
      return items[int(0, items.length - 1)] as (typeof items)[number];
    },
    fork: () => seededRandom(Math.floor(next() * 2 ** 32)),
  };
}
