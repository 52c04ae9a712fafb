import type { HistoryStore, StoredHistory } from '../core/history-store.ts';
import { lineOf, SNAPSHOT_FORMAT } from './lines.ts';
import { createSnapshotOutput, type OutputOptions, type SnapshotProgress } from './snapshot-output.ts';
import { openEntries, writeCampaign } from './write-campaign.ts';

/** Options of {@link writeSnapshot}. */
export interface WriteSnapshotOptions extends OutputOptions {
  readonly store: HistoryStore;
  /** Default: all campaigns. */
  readonly campaignIds?: readonly string[] | undefined;
  /** Names the snapshot. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Version of this server. */
  readonly server: string;
}

/** Campaigns that are read with one statement; their states are in memory meanwhile. */
const CAMPAIGNS_AT_ONCE = 16;

/**
 * Writes a snapshot: the blocks of a file, in memory that does not grow with it. Each campaign is as of the moment at
 * which its row was read; its entries up to there never change, so that they can be read at leisure. Each is proven by
 * the chain of tails on the way: a campaign whose rows do not fit together is left out, and said to be.
 *
 * Rejected: one transaction over all of it. It would hold back the vacuum for as long as the slowest reader takes, and
 * PGlite, which has one connection, could commit nothing meanwhile.
 */
export async function* writeSnapshot(
  options: WriteSnapshotOptions,
): AsyncGenerator<Buffer, SnapshotProgress, undefined> {
  const { store, campaignIds } = options;
  const output = createSnapshotOutput(options, await store.countHistories(campaignIds));

  /** The campaigns of one read. */
  async function* writeCampaigns(
    histories: readonly StoredHistory[],
    onMisfit: (campaignId: string, problem: string) => AsyncGenerator<Buffer, void, undefined>,
  ): AsyncGenerator<Buffer, void, undefined> {
    for (const part of campaignIds === undefined ? [histories] : histories.map((history) => [history])) {
      const entries = await openEntries(output, store, part);
      for (const history of part) {
        const problem = yield* writeCampaign(output, history, entries);
        if (problem !== undefined) yield* onMisfit(history.campaignId, problem);
      }
    }
  }

  /** Once more, from its row on: it may have been replaced by a restore, or deleted, between the two reads. */
  async function* writeAgain(campaignId: string): AsyncGenerator<Buffer, void, undefined> {
    const again = await output.paced(() => store.readHistories(undefined, 1, [campaignId]));
    yield* writeCampaigns(again, async function* (id, problem) {
      output.count({ damaged: output.progress.damaged + 1 });
      yield* output.line(lineOf({ type: 'damaged', campaignId: id, problem }));
    });
  }

  const { id, createdAt, server } = options;
  const { expected } = output.progress;
  yield* output.line(lineOf({ type: 'snapshot', format: SNAPSHOT_FORMAT, id, createdAt, server, ...expected }));
  let after: string | undefined;
  for (;;) {
    const from = after;
    const histories = await output.paced(() => store.readHistories(from, CAMPAIGNS_AT_ONCE, campaignIds));
    const last = histories.at(-1);
    if (!last) break;
    after = last.campaignId;
    // At once, and not at the end, so that the campaigns of a file are in order.
    yield* writeCampaigns(histories, writeAgain);
  }
  const { campaigns, entries, damaged } = output.progress;
  yield* output.line(lineOf({ type: 'end', campaigns, entries, damaged }));
  yield* output.end();
  return output.progress;
}
