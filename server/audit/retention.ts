import type { CompactionStore, HistoryKeep } from '../core/compaction-store.ts';
import { RefusalError } from '../core/errors.ts';
import type { HistoryStore } from '../core/history-store.ts';
import { notFound } from '../engine/refusals.ts';

/** What is kept of a campaign's history, and what is there. */
export interface Retention {
  readonly campaignId: string;
  /** What one of the two keeps; where neither is there, everything. */
  readonly keep: HistoryKeep;
  /** Whether that was said of this campaign; else it is what is kept of all (`HISTORY_KEEP`). */
  readonly isOwn: boolean;
  /** The oldest version that can be read. */
  readonly firstVersion: number;
  readonly version: number;
}

export interface RetentionOptions {
  readonly store: Pick<HistoryStore, 'readHistories'>;
  /** Default: nothing is compacted. */
  readonly keeps?: Pick<CompactionStore, 'findKeep' | 'setKeep'> | undefined;
  /** What is kept of histories of which nothing else is said. Default: everything. */
  readonly historyKeep?: HistoryKeep | undefined;
}

/** @throws RefusalError `NOT_FOUND` where there is no such campaign */
export async function findRetention(
  { store, keeps, historyKeep = {} }: RetentionOptions,
  campaignId: string,
): Promise<Retention> {
  const [history] = await store.readHistories(undefined, 1, [campaignId]);
  if (!history) throw notFound(campaignId);
  const own = await keeps?.findKeep(campaignId);
  return {
    campaignId,
    keep: own ?? historyKeep,
    isOwn: own !== undefined,
    firstVersion: history.base?.version ?? 1,
    version: history.head.version,
  };
}

/**
 * Says what is kept of a history from now on; what is older goes with the next round, within a minute or so.
 *
 * @param keep `undefined`: what is kept of all
 * @throws RefusalError `NOT_FOUND` where there is no such campaign
 */
export async function setRetention(
  options: RetentionOptions,
  campaignId: string,
  keep: HistoryKeep | undefined,
): Promise<Retention> {
  if (!options.keeps)
    throw new RefusalError('UNAVAILABLE', 'keep: this server shortens no histories', { retryable: false });
  if (!(await options.keeps.setKeep(campaignId, keep))) throw notFound(campaignId);
  return findRetention(options, campaignId);
}
