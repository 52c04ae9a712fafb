import type { HistoryStore, StoredHead, StoredHistory } from '../core/history-store.ts';
import { formatPosition, versionOnTimeline } from '../core/stream/position.ts';
import { campaignsOfChain } from './chain.ts';
import type { ChainCampaign } from './chain-file.ts';
import type { ProvenPart } from './history-proof.ts';
import { INCREMENT_FORMAT, lineOf, type FollowedSnapshot } from './lines.ts';
import { createSnapshotOutput, type OutputOptions, type SnapshotProgress } from './snapshot-output.ts';
import { openEntries, writeCampaign } from './write-campaign.ts';

/** Options of {@link writeIncrement}. */
export interface WriteIncrementOptions extends OutputOptions {
  readonly store: HistoryStore;
  /** Names the snapshot. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Version of this server. */
  readonly server: string;
  readonly follows: FollowedSnapshot;
  /** The files of the chain up to that one, the whole one first. */
  readonly chain: readonly AsyncIterable<Uint8Array>[];
}

/** The rows of a campaign do not fit, to each other or to the chain: only a whole snapshot can say what there is. */
export class IncrementError extends Error {
  override readonly name = 'IncrementError';
}

/** Heads that are read with one statement. */
const HEADS_AT_ONCE = 500;

/**
 * Writes the blocks of a file that holds what has changed since a chain of files: new entries of campaigns that have
 * some, campaigns that are new or have another history, and which are gone. The chain is read on the way, so that an
 * increment is only ever added to one that is whole; of what has not changed the archive reads no more than the head.
 *
 * @throws SnapshotError where a file of the chain is damaged
 * @throws IncrementError where a campaign is damaged, or is replaced at this moment
 */
export async function* writeIncrement(
  options: WriteIncrementOptions,
): AsyncGenerator<Buffer, SnapshotProgress, undefined> {
  const { store, id, createdAt, server, follows, chain } = options;
  const output = createSnapshotOutput(options, await store.countHistories());
  const { expected } = output.progress;
  yield* output.line(
    lineOf({ type: 'snapshot', format: INCREMENT_FORMAT, id, createdAt, server, ...expected, follows }),
  );
  const heads = readHeads((after) => output.paced(() => store.readHeads(after, HEADS_AT_ONCE)));
  for await (const [campaignId, now, known] of sideBySide(heads, campaignsOfChain(chain))) {
    await output.inTurns();
    if (now && known && isSame(now, known)) continue;
    const [history] = now ? await output.paced(() => store.readHistories(undefined, 1, [campaignId])) : [];
    if (!history) {
      if (known) yield* output.line(lineOf({ type: 'removed', campaignId }));
      continue;
    }
    const since = known && sinceThen(history, known);
    const entries = await openEntries(output, store, [history], since?.version);
    const problem = yield* writeCampaign(output, history, entries, since);
    if (problem !== undefined) throw new IncrementError(`${campaignId}: ${problem}`);
  }
  const { campaigns, entries, damaged } = output.progress;
  yield* output.line(lineOf({ type: 'end', campaigns, entries, damaged }));
  yield* output.end();
  return output.progress;
}

async function* readHeads(
  read: (after: string | undefined) => Promise<StoredHead[]>,
): AsyncGenerator<StoredHead, void, undefined> {
  let after: string | undefined;
  for (;;) {
    const page = await read(after);
    yield* page;
    after = page.at(-1)?.campaignId;
    if (after === undefined) return;
  }
}

/** What there is now and what was known of each campaign, in the order of their ids. */
async function* sideBySide(
  heads: AsyncIterator<StoredHead, void>,
  chain: AsyncIterator<ChainCampaign, void>,
): AsyncGenerator<readonly [string, StoredHead | undefined, ChainCampaign | undefined], void, undefined> {
  let now = (await heads.next()).value;
  let known = (await chain.next()).value;
  while (now ?? known) {
    const ids = [now?.campaignId, known?.campaignId].filter((id) => id !== undefined).sort();
    const campaignId = ids[0] ?? '';
    const here = now?.campaignId === campaignId ? now : undefined;
    const there = known?.campaignId === campaignId ? known : undefined;
    yield [campaignId, here, there];
    if (here) now = (await heads.next()).value;
    if (there) known = (await chain.next()).value;
  }
}

function isSame({ head, redactions }: StoredHead, known: ChainCampaign): boolean {
  // What was redacted since is said of entries of the files before.
  if (redactions !== known.redactions) return false;
  return head.epoch === known.head.epoch && head.version === known.head.version && head.tail === known.head.tail;
}

/** What the chain has of a campaign, if what there is now goes on from it. */
function sinceThen({ head, lineage, base }: StoredHistory, known: ChainCampaign): ProvenPart | undefined {
  // Compacted since: all of what is left is written anew, and what the chain had of it is not restored.
  if (base?.version !== known.base?.version) return undefined;
  const { epoch, version, tail } = known.head;
  if (version > head.version || versionOnTimeline(formatPosition(epoch, version), head, lineage) !== version)
    return undefined;
  const { state, archivedAt, updatedAt, updatedBy } = known;
  return { version, tail, content: { state, archivedAt }, updatedAt, updatedBy };
}
