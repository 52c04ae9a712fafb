import type { EntryPlace, HistoryStore, StoredEntry, StoredHistory } from '../core/history-store.ts';
import { createBlockWriter } from './blocks.ts';
import { parseJson, proveHistory, type HistoryProof } from './history-proof.ts';
import { campaignLine, lineOf, SNAPSHOT_FORMAT } from './lines.ts';

/** Options of {@link writeSnapshot}. */
export interface WriteSnapshotOptions {
  readonly store: HistoryStore;
  /** Default: all campaigns. */
  readonly campaignIds?: readonly string[] | undefined;
  /** Names the snapshot. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Version of this server. */
  readonly server: string;
  /**
   * Called after each read of the archive with the milliseconds of work since the last call: waits for as long as
   * others should have the archive and this thread.
   */
  pace(workMs: number): Promise<void>;
  /** Called after each {@link TURN_MS} of work between reads: lets others have this thread. */
  yieldTurn(): Promise<void>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  readonly onProgress?: ((progress: SnapshotProgress) => void) | undefined;
}

/** Milliseconds of this thread without a turn of others: a fraction of what a change takes. */
const TURN_MS = 0.5;

/** How far a snapshot is. */
export interface SnapshotProgress {
  readonly campaigns: number;
  readonly entries: number;
  readonly bytes: number;
  /** Campaigns that are not in it, because their rows do not fit together. */
  readonly damaged: number;
  /** What there was at the beginning. */
  readonly expected: { readonly campaigns: number; readonly entries: number };
}

/** Campaigns that are read with one statement; their states are in memory meanwhile. */
const CAMPAIGNS_AT_ONCE = 16;

/** Bytes of entries that are read with one statement: a few milliseconds, for which a commit may have to wait. */
const READ_BYTES = 32 * 1024;

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
  const { store, campaignIds, onProgress } = options;
  const writer = createBlockWriter();
  const expected = await store.countHistories(campaignIds);
  let progress: SnapshotProgress = { campaigns: 0, entries: 0, bytes: 0, damaged: 0, expected };

  const count = (change: Partial<SnapshotProgress>): void => {
    progress = { ...progress, ...change };
  };

  async function* emit(block: Buffer | undefined): AsyncGenerator<Buffer, void, undefined> {
    if (!block) return;
    count({ bytes: progress.bytes + block.length });
    onProgress?.(progress);
    yield block;
    workedSince = turnSince = options.now();
  }

  /** Since when work is done, without the waiting of whoever takes the blocks. */
  let workedSince = options.now();
  let turnSince = workedSince;
  const inTurns = async (): Promise<void> => {
    if (options.now() - turnSince < TURN_MS) return;
    await options.yieldTurn();
    turnSince = options.now();
  };

  const paced = async <T>(read: () => Promise<T>): Promise<T> => {
    const answer = await read();
    await options.pace(options.now() - workedSince);
    workedSince = turnSince = options.now();
    return answer;
  };

  /** The campaigns of one read; those that do not fit are returned. */
  async function* writeCampaigns(
    histories: readonly StoredHistory[],
  ): AsyncGenerator<Buffer, { id: string; problem: string }[], undefined> {
    const misfits: { id: string; problem: string }[] = [];
    for (const part of campaignIds === undefined ? [histories] : histories.map((history) => [history])) {
      const entries = readEntriesOf(part, (after, through) =>
        paced(() => store.readEntries(after, through, READ_BYTES)),
      );
      let next = await entries.next();
      for (const history of part) {
        yield* emit(await writer.add(campaignLine(history)));
        const proof = proveHistory({ ...history, state: parseJson(history.state) });
        let problem = typeof proof === 'string' ? proof : undefined;
        while (next.done !== true && next.value.campaignId === history.campaignId) {
          problem ??= typeof proof === 'string' ? proof : misfitOf(proof, next.value);
          if (problem === undefined) yield* emit(await writer.add(entryLine(next.value)));
          await inTurns();
          next = await entries.next();
        }
        const { version } = history.head;
        if (typeof proof !== 'string' && proof.version < version) problem ??= `version ${proof.version + 1} is missing`;
        if (problem === undefined) {
          count({ campaigns: progress.campaigns + 1, entries: progress.entries + version });
        } else {
          misfits.push({ id: history.campaignId, problem });
          yield* emit(await writer.add(lineOf({ type: 'dropped', campaignId: history.campaignId })));
        }
      }
    }
    return misfits;
  }

  const { id, createdAt, server } = options;
  yield* emit(
    await writer.add(lineOf({ type: 'snapshot', format: SNAPSHOT_FORMAT, id, createdAt, server, ...expected })),
  );
  let after: string | undefined;
  for (;;) {
    const from = after;
    const histories = await paced(() => store.readHistories(from, CAMPAIGNS_AT_ONCE, campaignIds));
    const last = histories.at(-1);
    if (!last) break;
    after = last.campaignId;
    for (const misfit of yield* writeCampaigns(histories)) {
      // Once more, from its row on: it may have been replaced by a restore, or deleted, between the two reads.
      const again = await paced(() => store.readHistories(undefined, 1, [misfit.id]));
      const [problem] = yield* writeCampaigns(again);
      if (!problem) continue;
      count({ damaged: progress.damaged + 1 });
      yield* emit(await writer.add(lineOf({ type: 'damaged', campaignId: problem.id, problem: problem.problem })));
    }
  }
  const { campaigns, entries, damaged } = progress;
  yield* emit(await writer.add(lineOf({ type: 'end', campaigns, entries, damaged })));
  yield* emit(await writer.flush());
  return progress;
}

/**
 * The entries of these campaigns, each up to its head, in order. What was committed since, and campaigns that were
 * created since, are passed over.
 */
async function* readEntriesOf(
  histories: readonly StoredHistory[],
  read: (after: EntryPlace, through: string) => Promise<StoredEntry[]>,
): AsyncGenerator<StoredEntry, void, undefined> {
  const heads = new Map(histories.map(({ campaignId, head }) => [campaignId, head.version]));
  const [first, last] = [histories.at(0), histories.at(-1)];
  let after: EntryPlace | undefined = first && { campaignId: first.campaignId, version: 0 };
  while (after && last) {
    const page = await read(after, last.campaignId);
    const end = page.at(-1);
    if (!end) return;
    for (const entry of page) if (entry.version <= (heads.get(entry.campaignId) ?? 0)) yield entry;
    const { campaignId, version } = end;
    const isDone = version >= (heads.get(campaignId) ?? 0);
    if (isDone && campaignId === last.campaignId) return;
    after = { campaignId, version: isDone ? Number.MAX_SAFE_INTEGER : version };
  }
}

/** Why the next entry does not follow; `undefined` where it does. */
function misfitOf(proof: HistoryProof, { version, bytes, tail }: StoredEntry): string | undefined {
  if (version !== proof.version + 1) return `version ${proof.version + 1} is missing`;
  const proven = proof.next(bytes, tail);
  return proven.ok ? undefined : proven.problem;
}

function entryLine({ bytes, tail, mutationId }: StoredEntry): string {
  return lineOf({ type: 'entry', bytes, tail, ...(mutationId === null && { repeatsId: true }) });
}
