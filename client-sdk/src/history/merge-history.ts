import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';

/** Pages of history and live entries as one list. */
export interface MergedHistory {
  /** Newest first, each version once. */
  readonly entries: readonly Entry[];
  /** Versions are missing between the newest page and the live entries: the pages have to be fetched again. */
  readonly hasGap: boolean;
}

/**
 * Puts the live entries in front of the pages.
 *
 * @param pages newest first, as `campaign.history` returns them
 * @param recent oldest first, contiguous, as the stream brought them
 */
export function mergeHistory(
  pages: readonly { readonly items: readonly Entry[] }[],
  recent: readonly (Entry | ViewEntry)[],
): MergedHistory {
  const paged = pages.flatMap((page) => page.items);
  const newest = paged[0]?.version ?? 0;
  const live = recent.filter((entry): entry is Entry => 'mutationId' in entry && entry.version > newest);
  const first = live[0];
  if (first && first.version > newest + 1) return { entries: paged, hasGap: true };
  return { entries: [...live.reverse(), ...paged], hasGap: false };
}
