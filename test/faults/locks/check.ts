/** What is read of an entry that was made under a lock, or without one. */
export interface EditEntry {
  readonly version: number;
  /** Of the lock that it says it was made under; 0: of none. */
  readonly fence: number;
}

/** The campaign as a holder saw it after its lock was granted. */
export interface Seen {
  readonly fence: number;
  readonly version: number;
}

/**
 * Checks the surviving history of a campaign whose editors lock before they edit.
 *
 * - An edit under a fence is not ordered behind one under a higher fence, nor behind what a later holder has seen.
 * - Between two edits under one fence nobody else has edited: the lock was held throughout.
 *
 * @returns what is wrong
 */
export function checkEdits(entries: readonly EditEntry[], seen: readonly Seen[]): string[] {
  const wrong: string[] = [];
  let highest = 0;
  let highestAt = 0;
  for (const { version, fence } of entries) {
    if (fence === 0) continue;
    if (fence < highest)
      wrong.push(`version ${version} under fence ${fence} stands behind ${highestAt} under ${highest}`);
    if (fence > highest) [highest, highestAt] = [fence, version];
    const later = seen.find((each) => each.fence > fence && each.version < version);
    if (later) wrong.push(`version ${version} under fence ${fence} was ordered after ${later.fence} had been granted`);
  }
  for (const [index, { version, fence }] of entries.entries()) {
    const next = entries.findIndex((entry, at) => at > index && entry.fence === fence);
    const between = entries.slice(index + 1, Math.max(index + 1, next));
    if (fence !== 0 && between.length > 0)
      wrong.push(`version ${between[0]?.version} was ordered while fence ${fence} of version ${version} was held`);
  }
  return wrong;
}
