import { BUCKETS, type BucketRange } from '../document/targeting-fields.ts';

/** The buckets of each arm. */
export type Ranges = Readonly<Record<string, readonly BucketRange[]>>;

/** How many buckets each arm is to have. */
export type Sizes = Readonly<Record<string, number>>;

/** The number of buckets in these ranges; where they overlap, each counts. */
export function measureOf(ranges: readonly BucketRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + Math.max(0, to - from), 0);
}

/** The same buckets as sorted, disjoint ranges, without empty ones, as few as possible. */
export function normalised(ranges: readonly BucketRange[]): BucketRange[] {
  const sorted = ranges.filter(([from, to]) => to > from).sort(([a], [b]) => a - b);
  const joined: BucketRange[] = [];
  for (const [from, to] of sorted) {
    const last = joined.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** The buckets of the first that are not among the second. */
export function without(ranges: readonly BucketRange[], taken: readonly BucketRange[]): BucketRange[] {
  let left = normalised(ranges);
  for (const [from, to] of taken) {
    left = left.flatMap(([start, end]): BucketRange[] => {
      const parts: BucketRange[] = [
        [start, Math.min(end, from)],
        [Math.max(start, to), end],
      ];
      return to <= start || from >= end ? [[start, end]] : parts.filter(([a, b]) => b > a);
    });
  }
  return left;
}

/** The first bucket that two of these sets of ranges share, or `undefined` where they are disjoint. */
export function overlapOf(ranges: readonly BucketRange[]): number | undefined {
  const sorted = ranges.filter(([from, to]) => to > from).sort(([a], [b]) => a - b);
  let end = 0;
  for (const [from, to] of sorted) {
    if (from < end) return from;
    end = to;
  }
  return undefined;
}

/** Splits ranges: the lowest buckets up to that number, and the others. */
function split(ranges: readonly BucketRange[], count: number): [BucketRange[], BucketRange[]] {
  const lowest: BucketRange[] = [];
  const rest: BucketRange[] = [];
  let missing = Math.max(0, count);
  for (const [from, to] of normalised(ranges)) {
    const cut = from + Math.min(missing, to - from);
    missing -= cut - from;
    if (cut > from) lowest.push([from, cut]);
    if (to > cut) rest.push([cut, to]);
  }
  return [lowest, rest];
}

/**
 * Shares out a number of buckets by weight, by the divisor method of Webster: each bucket in turn goes to the arm with
 * the greatest `weight / (2 × buckets so far + 1)`; of equals, to the first by name. So more buckets never mean fewer
 * for any arm, and a ramp takes nothing from anybody; that does not hold of rounding with the largest remainders.
 *
 * @example apportion({ a: 1, b: 1, c: 1 }, 10_000) // { a: 3334, b: 3333, c: 3333 }
 */
export function apportion(weights: Sizes, total: number): Sizes {
  const names = Object.keys(weights).sort();
  const positive = names.filter((name) => weightOf(weights, name) > 0);
  const sizes: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  if (positive.length === 0) return sizes;
  const sum = positive.reduce((all, name) => all + weightOf(weights, name), 0);
  // The method's own path up to here, taken in one step; what is left is at most two buckets an arm.
  const surely = Math.max(0, total - positive.length / 2 - 1);
  let left = total;
  for (const name of positive) {
    const size = Math.max(0, Math.ceil((weightOf(weights, name) / sum) * surely - 0.5));
    sizes[name] = size;
    left -= size;
  }
  for (; left > 0; left -= 1) {
    const next = positive.reduce((best, name) =>
      claim(weights, sizes, name) > claim(weights, sizes, best) ? name : best,
    );
    sizes[next] = (sizes[next] ?? 0) + 1;
  }
  return sizes;
}

function weightOf(weights: Sizes, name: string): number {
  const weight = weights[name] ?? 0;
  return Number.isFinite(weight) ? weight : 0;
}

function claim(weights: Sizes, sizes: Sizes, name: string): number {
  return weightOf(weights, name) / (2 * (sizes[name] ?? 0) + 1);
}

/**
 * Cuts ranges anew so that each arm has so many buckets, with the least movement: an arm that shrinks gives up its
 * highest buckets, one that grows keeps what it has and takes more, first of what others have just given up, then of
 * what nobody has. So the share that moves is the sum of `max(0, old − new)` over the arms, and where none shrinks it
 * is nobody. Laid out one after the other, as most services do, a third equal arm would move one half of all people
 * instead of a third.
 *
 * Total: where the line has no room left it takes what is taken, which `checkTargeting` then refuses.
 *
 * @param before the ranges so far, of arms that may be gone
 * @param sizes buckets of each arm that is to be there
 * @param taken buckets of others on the same number line
 */
export function recut(before: Ranges, sizes: Sizes, taken: readonly BucketRange[] = []): Record<string, BucketRange[]> {
  const names = Object.keys(sizes).sort();
  const cut = new Map<string, BucketRange[]>();
  let released: BucketRange[] = [];
  let kept: BucketRange[] = normalised(taken);
  for (const name of Object.keys(before).sort()) {
    // What another arm has as well, which `check` would have refused, counts once.
    const own = without(before[name] ?? [], kept);
    const [stays, goes] = split(own, Object.hasOwn(sizes, name) ? (sizes[name] ?? 0) : 0);
    if (Object.hasOwn(sizes, name)) cut.set(name, stays);
    kept = normalised([...kept, ...stays]);
    released = [...released, ...goes];
  }
  released = without(released, kept);
  let free = without([[0, BUCKETS]], [...kept, ...released]);
  for (const name of names) {
    const own = cut.get(name) ?? [];
    const [first, releasedLeft] = split(released, (sizes[name] ?? 0) - measureOf(own));
    const [second, freeLeft] = split(free, (sizes[name] ?? 0) - measureOf(own) - measureOf(first));
    [released, free] = [releasedLeft, freeLeft];
    const fitting = normalised([...own, ...first, ...second]);
    const [overlapping] = split(without([[0, BUCKETS]], fitting), (sizes[name] ?? 0) - measureOf(fitting));
    cut.set(name, normalised([...fitting, ...overlapping]));
  }
  return Object.fromEntries(names.map((name) => [name, cut.get(name) ?? []]));
}

/** The arm that has a bucket, and its range; `undefined` where none has it. */
export function armAt(ranges: Ranges, bucket: number): { arm: string; range: BucketRange } | undefined {
  for (const arm of Object.keys(ranges)) {
    const range = ranges[arm]?.find(([from, to]) => bucket >= from && bucket < to);
    if (range) return { arm, range };
  }
  return undefined;
}

/**
 * The share of units, from 0 to 1, that have an arm before and another one, or none, after.
 */
export function movedShare(before: Ranges, after: Ranges): number {
  const moved = Object.keys(before).reduce(
    (sum, arm) => sum + measureOf(without(before[arm] ?? [], after[arm] ?? [])),
    0,
  );
  return moved / BUCKETS;
}
