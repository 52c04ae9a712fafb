import type { Fork } from './position.ts';

/**
 * The epoch that the entry of a version has on a timeline.
 *
 * @param lineage the forks, oldest first; the last one's `epoch` is that of `head` (none: never forked)
 */
export function epochAt(version: number, head: { readonly epoch: string }, lineage: readonly Fork[]): string {
  const fork = lineage.findLast(({ fromVersion }) => fromVersion < version);
  return fork?.epoch ?? lineage[0]?.parent ?? head.epoch;
}

/**
 * What does not fit in a campaign's forks, as a part of a sentence: each goes on from the one before it, at its version
 * or later, and the last one leads to the head. `undefined` where all of them fit.
 */
export function lineageMisfit(
  lineage: readonly Fork[],
  head: { readonly epoch: string; readonly version: number },
): string | undefined {
  for (const [index, fork] of lineage.entries()) {
    const before = lineage[index - 1];
    if (before && (fork.parent !== before.epoch || fork.fromVersion < before.fromVersion))
      return `the fork to epoch ${fork.epoch} does not go on from the one before it`;
    if (fork.fromVersion > head.version) return `the fork to epoch ${fork.epoch} lies after the head`;
  }
  const last = lineage.at(-1);
  return last && last.epoch !== head.epoch ? `no fork leads to the head's epoch, ${head.epoch}` : undefined;
}

/**
 * The forks of a timeline that ends at an earlier version: those that had happened by then, and the epoch there.
 */
export function lineageUpTo(
  version: number,
  head: { readonly epoch: string },
  lineage: readonly Fork[],
): { readonly epoch: string; readonly lineage: readonly Fork[] } {
  const kept = lineage.filter(({ fromVersion }) => fromVersion <= version);
  return { epoch: kept.at(-1)?.epoch ?? lineage[0]?.parent ?? head.epoch, lineage: kept };
}
