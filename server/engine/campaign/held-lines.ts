import type { HeldPlaceStore } from '../../core/targeting/held-place-store.ts';
import { unitOfLine } from '../../core/targeting/held-places.ts';
import type { Clock } from '../ports.ts';

/** Lines by their names, with the attribute that is hashed on each. */
export type HeldLines = ReadonlyMap<string, { readonly unit: string }>;

/**
 * The lines on which anybody holds a place, by campaign: also those of rules that its document does not have now, and
 * may have again.
 */
export interface HeldLinesCache {
  /** What is known of a campaign; `undefined` where nothing is. What is old is asked for anew meanwhile. */
  known(campaignId: string): HeldLines | undefined;
  /** Asks the store, once for all who wait, and for all campaigns that are asked for in one turn. */
  of(campaignId: string): Promise<HeldLines>;
  /** Somebody has come to hold a place on that line. */
  add(campaignId: string, line: string): void;
  forget(campaignId: string): void;
}

/** Campaigns that are kept, and for how long they are not asked for anew: other instances hold places, too. */
const MAX_KEPT = 10_000;
const KEPT_MS = 60_000;
/** For how long what is old still answers, while it is asked for anew. */
const OLD_MS = 10 * KEPT_MS;
/** How long after an answer that did not come what is old is asked for again. */
const AGAIN_MS = 1_000;

interface Kept {
  lines: HeldLines;
  readonly since: number;
  /** From when on it is asked for anew. */
  renewAt: number;
}

interface Asked {
  readonly answer: Promise<HeldLines>;
  /** Lines on which somebody has come to hold a place meanwhile. */
  readonly added: Set<string>;
}

/** @param list of the store, as it is asked */
export function createHeldLines(list: HeldPlaceStore['listHeldLines'], clock: Pick<Clock, 'now'>): HeldLinesCache {
  const kept = new Map<string, Kept>();
  /** What the store has not answered. */
  const unanswered = new Map<string, Asked>();
  let next: { readonly campaignIds: Set<string>; readonly names: Promise<ReadonlyMap<string, string[]>> } | undefined;

  const keep = (campaignId: string, lines: HeldLines): void => {
    kept.delete(campaignId);
    kept.set(campaignId, { lines, since: clock.now(), renewAt: clock.now() + KEPT_MS });
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  };

  const listAll = async (campaignIds: ReadonlySet<string>): Promise<ReadonlyMap<string, string[]>> => {
    await Promise.resolve();
    next = undefined;
    const found = Map.groupBy(await list([...campaignIds]), ({ campaignId }) => campaignId);
    return new Map([...found].map(([id, lines]) => [id, lines.map(({ line }) => line)]));
  };

  const listNext = async (campaignId: string): Promise<readonly string[]> => {
    if (!next) {
      const campaignIds = new Set<string>();
      next = { campaignIds, names: listAll(campaignIds) };
    }
    next.campaignIds.add(campaignId);
    return (await next.names).get(campaignId) ?? [];
  };

  const of = (campaignId: string): Promise<HeldLines> => {
    const before = unanswered.get(campaignId);
    if (before) return before.answer;
    const added = new Set<string>();
    // What was forgotten meanwhile is asked for anew by whoever comes next.
    const isCurrent = (): boolean => unanswered.get(campaignId) === asked;
    const answer = listNext(campaignId)
      .then((names) => {
        const lines = linesOf([...names, ...added]);
        if (isCurrent()) keep(campaignId, lines);
        return lines;
      })
      .catch((error: unknown) => {
        const old = kept.get(campaignId);
        if (old && isCurrent()) old.renewAt = clock.now() + AGAIN_MS;
        throw error;
      })
      .finally(() => isCurrent() && unanswered.delete(campaignId));
    const asked: Asked = { answer, added };
    unanswered.set(campaignId, asked);
    return answer;
  };

  return {
    of,

    known(campaignId) {
      const found = kept.get(campaignId);
      if (!found || clock.now() - found.since >= OLD_MS) return undefined;
      if (clock.now() >= found.renewAt) of(campaignId).catch(() => undefined);
      return found.lines;
    },

    add(campaignId, line) {
      unanswered.get(campaignId)?.added.add(line);
      const found = kept.get(campaignId);
      if (found && !found.lines.has(line)) found.lines = new Map([...found.lines, ...linesOf([line])]);
    },

    forget(campaignId) {
      kept.delete(campaignId);
      unanswered.delete(campaignId);
    },
  };
}

function linesOf(names: readonly string[]): HeldLines {
  return new Map(
    names.flatMap((line) => {
      const unit = unitOfLine(line);
      return unit === undefined ? [] : [[line, { unit }] as const];
    }),
  );
}
