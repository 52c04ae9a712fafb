import { setTimeout as pause } from 'node:timers/promises';
import type { CompactionStore, HistoryKeep, KeptHistory } from '../core/compaction-store.ts';
import { asError } from '../core/errors.ts';
import { parseJson, type ClaimedBase } from '../snapshot/history-proof.ts';

export interface CompactionOptions {
  readonly store: CompactionStore;
  /** What is kept of every history of which nothing else is said (`HISTORY_KEEP`). Default: everything. */
  readonly keep?: HistoryKeep | undefined;
  /** Names this instance in its claim. */
  readonly instance: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Says, signed, what a history is to begin with. Default: nothing is signed. */
  readonly sign?: ((campaignId: string, base: ClaimedBase) => Promise<void>) | undefined;
  /** So many entries are gone. */
  readonly onCompacted?: (entries: number) => void;
  readonly onFailed: (error: Error) => void;
}

/** How long an instance that says nothing keeps others from compacting, in milliseconds. */
const CLAIM_MS = 2 * 60_000;
/** Interval at which histories are looked at, in milliseconds. */
const LOOK_MS = 60_000;
/** Campaigns that are looked up at once. */
const CAMPAIGNS_AT_ONCE = 10;
/** Milliseconds of rest for each millisecond of work, and the longest rest: commits use the same database. */
const REST_FOR_WORK = 3;
const MAX_REST_MS = 500;

/** Ends a round, because another instance has the claim. */
class ClaimLost extends Error {}

/**
 * Compacts once what can go: histories begin with a checkpoint then. It is signed first where there is a key, then set,
 * and only then what lies before it is deleted, in parts, with rests. Killed anywhere, the next round goes on.
 *
 * @param rest waits after so many milliseconds of work
 * @returns entries that are gone
 */
export async function compactHistories(
  { store, keep, instance, now, sign, onCompacted = () => undefined }: CompactionOptions,
  rest: (workMs: number) => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  let gone = 0;
  const paced = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const answer = await work();
    await rest(performance.now() - startedAt);
    return answer;
  };
  const claim = async (): Promise<void> => {
    if (!(await store.claimCompaction(instance, now(), now() + CLAIM_MS))) throw new ClaimLost();
  };
  const deleteRest = async (): Promise<void> => {
    for (;;) {
      const entries = await paced(() => store.deleteCompacted());
      if (entries === undefined) return;
      gone += entries;
      if (entries > 0) onCompacted(entries);
      await claim();
    }
  };
  try {
    // Where nothing is ever compacted, no instance claims it every minute.
    if (!keep && !(await store.mayCompact())) return 0;
    await claim();
    // What an earlier round has left.
    await deleteRest();
    for (;;) {
      const found = await paced(() => store.findCompactable(keep && keptSince(keep, now()), CAMPAIGNS_AT_ONCE, now()));
      if (found.length === 0) return gone;
      let set = 0;
      for (const { campaignId, base } of found) {
        await claim();
        await sign?.(campaignId, { ...base, state: parseJson(base.state) });
        if (await paced(() => store.setBase(campaignId, base))) set += 1;
        await deleteRest();
      }
      // Those that were replaced meanwhile are looked at in the next round.
      if (set === 0) return gone;
    }
  } catch (error) {
    if (error instanceof ClaimLost) return gone;
    throw error;
  }
}

function keptSince({ versions = 0, ageMs }: HistoryKeep, now: number): KeptHistory {
  return { versions, since: ageMs === undefined ? Number.MAX_SAFE_INTEGER : now - ageMs };
}

/**
 * Compacts again and again, by whichever instance has the claim.
 *
 * @returns stops it, after the part that is under way
 */
export function startCompaction(options: CompactionOptions): () => Promise<void> {
  const ending = new AbortController();
  const rest = async (workMs: number): Promise<void> => {
    ending.signal.throwIfAborted();
    await pause(Math.min(MAX_REST_MS, workMs * REST_FOR_WORK));
  };
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await compactHistories(options, rest).catch((error: unknown) => {
        if (!ending.signal.aborted) options.onFailed(asError(error));
      });
      await pause(LOOK_MS, undefined, { ref: false, signal: ending.signal }).catch(() => undefined);
    }
  };
  const ended = loop();
  return async () => {
    ending.abort();
    await ended;
  };
}
