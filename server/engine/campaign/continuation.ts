import { nextTail } from '../../core/stream/hash-chain.ts';
import type { Head, SealedEntry } from '../../core/stream/log-record.ts';

/**
 * The longest continuation of a head that can be assembled from several sources. Every entry is of the head's epoch and
 * proves by its tail that it follows the one before; entries of other timelines, and all that lie behind a gap, are
 * left out.
 *
 * Sources may overlap, and may each have gaps. Where two of them have different entries of one version that both
 * follow, each source is preferred in turn, and the longest result is taken; of equally long ones, that of the earlier
 * source.
 *
 * @example
 * const entries = continuation(archived.head, await log.remainder(campaignId, archived.head), live.unsaved);
 */
export function continuation(head: Head, ...sources: readonly (readonly SealedEntry[])[]): SealedEntry[] {
  const results = sources.map((preferred) => followed(head, [preferred, ...sources]));
  return results.reduce((longest, result) => (result.length > longest.length ? result : longest), []);
}

function followed(head: Head, sources: readonly (readonly SealedEntry[])[]): SealedEntry[] {
  const byVersion = Map.groupBy(sources.flat(), ({ record }) => record.version);
  const following: SealedEntry[] = [];
  let { tail, version } = head;
  for (;;) {
    const next = byVersion
      .get(version + 1)
      ?.find(({ record, bytes, tail: ownTail }) => record.epoch === head.epoch && ownTail === nextTail(tail, bytes));
    if (!next) return following;
    following.push(next);
    ({ tail } = next);
    version += 1;
  }
}
