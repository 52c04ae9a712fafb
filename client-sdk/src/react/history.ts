import type { Entry, ViewEntry } from '../../../server/core/stream/entry.ts';

export interface MergedHistory {
  /** Newest first, each version once. */
  readonly entries: readonly Entry[];
  /** Between the newest page and the live entries something is missing: the pages are to be asked for again. */
  readonly hole: boolean;
}

/**
 * A history that goes on live: what the pages say, and before it what came since.
 *
 * @param pages newest first, as `campaign.history` answers
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
  if (first && first.version > newest + 1) return { entries: paged, hole: true };
  return { entries: [...live.reverse(), ...paged], hole: false };
}
