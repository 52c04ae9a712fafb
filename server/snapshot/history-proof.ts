import { z } from 'zod';
import { isJsonObject, jsonEqual, type JsonValue } from '../core/json.ts';
import { apply, NOTHING, type CampaignContent } from '../core/stream/apply.ts';
import type { HistoryBase, StoredHistory } from '../core/history-store.ts';
import { FIRST_TAIL, hashOfBytes, nextTail } from '../core/stream/hash-chain.ts';
import {
  isRedacted,
  isSameRedaction,
  redactRecord,
  type ProvenRedaction,
  type Redaction,
} from '../core/stream/redaction.ts';
import { epochAt, lineageMisfit } from '../core/stream/lineage.ts';
import type { Head, LogRecord } from '../core/stream/log-record.ts';
import type { Fork } from '../core/stream/position.ts';

/** What a campaign says of itself, and its entries have to lead to. */
export interface ClaimedHistory {
  readonly head: Head;
  readonly lineage: readonly Fork[];
  readonly archivedAt: number | undefined;
  readonly updatedAt: number;
  readonly updatedBy: string;
  /** The state at the head. */
  readonly state: JsonValue | undefined;
  /** What the entries go on from, where older ones were compacted away. */
  readonly base?: ClaimedBase | undefined;
  /** What was redacted of its entries. */
  readonly redactions?: readonly ProvenRedaction[] | undefined;
}

/** The beginning of a compacted history. It is not proven by entries: signed statements prove it. */
export interface ClaimedBase extends Omit<HistoryBase, 'state'> {
  readonly state: JsonValue | undefined;
}

/** What a campaign in storage says of itself. */
export function claimOf({ state, base, ...history }: StoredHistory): ClaimedHistory {
  return { ...history, state: parseJson(state), base: base && { ...base, state: parseJson(base.state) } };
}

/** The beginning of a history that was proven before. */
export interface ProvenPart {
  /** The version of its last entry. */
  readonly version: number;
  readonly tail: string;
  readonly content: CampaignContent;
  /** When that entry was made, in epoch milliseconds, and by whom. */
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** The outcome of the next entry: it follows, or why it does not, as one sentence without its stop. */
export type Proven =
  | {
      readonly ok: true;
      /** Without what was redacted of it. */
      readonly record: LogRecord;
      readonly bytes: string;
      /** The content after it, likewise. */
      readonly content: CampaignContent;
      readonly isLast: boolean;
      /** What is known to be redacted of it. */
      readonly redactions: readonly ProvenRedaction[];
      /** Whether that stood in it all the same, as in a file of before. */
      readonly isOriginal: boolean;
    }
  | { readonly ok: false; readonly problem: string };

/** Proof of a history, entry by entry. */
export interface HistoryProof {
  /** The version of the last entry that followed. */
  readonly version: number;
  /** Takes the next entry. */
  next(bytes: string, tail: string): Proven;
}

/** What is read here of a record. Its other members are carried as they are, byte by byte. */
const readable = z.looseObject({
  version: z.int().min(1),
  type: z.string().min(1).max(64),
  change: z.record(z.string(), z.unknown()),
  actor: z.looseObject({ id: z.string() }),
  mutationId: z.string().max(64),
  at: z.int(),
  epoch: z.string(),
});

/**
 * Proves that entries are the whole history of a campaign: each follows the one before it by its tail, in its epoch,
 * and the last one leads to the campaign's head and to its state (G6).
 *
 * @param proven what was proven before, and the entries go on from; default: the base of a compacted history, else
 *   nothing
 * An entry that was redacted does not lead to its tail any more: it is proven by the hash that the redaction names. One
 * that stands as it was logged, although it is known to be redacted, leads to the claim as it is, and is handed on
 * without what was redacted.
 *
 * @param known redactions beside those of the claim, by tail
 * @returns the proof, or what does not fit in the claim itself
 */
export function proveHistory(
  claimed: ClaimedHistory,
  proven?: ProvenPart,
  known: (tail: string) => readonly ProvenRedaction[] = () => [],
): HistoryProof | string {
  const { head, lineage, base } = claimed;
  const own = Map.groupBy(claimed.redactions ?? [], (redaction) => redaction.tail);
  const forks = lineageMisfit(lineage, head);
  if (forks !== undefined) return forks;
  if (base && base.version >= head.version) return 'its history begins behind its head';
  if (base && !isJsonObject(base.state)) return 'the checkpoint that its history begins with is missing';
  const since = proven ?? beginningOf(base);
  let version = since?.version ?? 0;
  let tail = since?.tail ?? FIRST_TAIL;
  let content = since?.content ?? NOTHING;
  /** The content without what is redacted of it, from the first entry on of which that is not so in what is read. */
  let redacted: CampaignContent | undefined;
  if (since?.version === head.version) {
    const problem = endMisfit(claimed, tail, content, since);
    if (problem !== undefined) return problem;
  }

  const misfit = (problem: string): Proven => ({ ok: false, problem });

  return {
    get version() {
      return version;
    },
    next(bytes, entryTail) {
      const next = version + 1;
      const redactions = [...(own.get(entryTail) ?? []), ...known(entryTail)];
      const isOriginal = nextTail(tail, bytes) === entryTail;
      if (!isOriginal && !isLeftOver(bytes, redactions))
        return misfit(`the entry of version ${next} does not follow the one before it`);
      const parsed = readable.safeParse(parseJson(bytes));
      if (!parsed.success) return misfit(`the entry of version ${next} cannot be read`);
      // Sealed by a server, as its tail proves; what is used of it has just been checked.
      const record = parsed.data as unknown as LogRecord;
      if (record.version !== next || next > head.version)
        return misfit(`there is an entry in the place of version ${next}`);
      if (record.epoch !== epochAt(next, head, lineage))
        return misfit(
          `the entry of version ${next} is of epoch ${record.epoch}, which the campaign does not have there`,
        );
      const left = leftOf(record, bytes, redactions);
      if (redacted ?? left.record !== record) redacted = apply(redacted ?? content, left.record);
      content = apply(content, record);
      version = next;
      tail = entryTail;
      const isLast = version === head.version;
      const last = { updatedAt: record.at, updatedBy: record.actor.id };
      const problem = isLast ? endMisfit(claimed, tail, content, last) : undefined;
      if (problem !== undefined) return misfit(problem);
      return { ok: true, ...left, content: redacted ?? content, isLast, isOriginal };
    },
  };
}

/** Whether these are the bytes that a redaction has left of an entry. */
function isLeftOver(bytes: string, redactions: readonly ProvenRedaction[]): boolean {
  if (redactions.length === 0) return false;
  const hash = hashOfBytes(bytes);
  return redactions.some((redaction) => redaction.hash === hash);
}

/**
 * What redactions leave of an entry, of which some may have been made already. Several campaigns can know the same one,
 * or have each redacted the same place: handed on are those that the record names by then, each once.
 */
function leftOf(
  record: LogRecord,
  bytes: string,
  known: readonly ProvenRedaction[],
): Pick<Extract<Proven, { readonly ok: true }>, 'record' | 'bytes' | 'redactions'> {
  let left = record;
  for (const { redaction } of known) if (!isRedacted(left, redaction)) left = redactRest(left, redaction);
  const named = (left.redacted ?? []).flatMap((redaction): ProvenRedaction[] => {
    const same = known.find((other) => isSameRedaction(other.redaction, redaction));
    if (same) return [same];
    // What was left to redact of one that is known; what the record named before, and nobody knows, is not proven.
    const isNew = left !== record && !record.redacted?.includes(redaction);
    const [first] = known;
    return isNew && first ? [{ ...first, redaction }] : [];
  });
  if (left === record) return { record, bytes, redactions: named };
  const rest = JSON.stringify(left);
  const hash = hashOfBytes(rest);
  return { record: left, bytes: rest, redactions: named.map((redaction) => ({ ...redaction, hash })) };
}

/** A record without what a redaction names, also where another one took the value and only the comment is left. */
function redactRest(record: LogRecord, redaction: Redaction): LogRecord {
  const { comment, at, by } = redaction;
  return redactRecord(record, redaction) ?? (comment && redactRecord(record, { comment, at, by })) ?? record;
}

function beginningOf(base: ClaimedBase | undefined): ProvenPart | undefined {
  if (!base || !isJsonObject(base.state)) return undefined;
  const { version, tail, state, archivedAt, updatedAt, updatedBy } = base;
  return { version, tail, content: { state, archivedAt }, updatedAt, updatedBy };
}

function endMisfit(
  claimed: ClaimedHistory,
  tail: string,
  content: CampaignContent,
  last: Pick<ClaimedHistory, 'updatedAt' | 'updatedBy'>,
): string | undefined {
  const { head, archivedAt, updatedAt, updatedBy, state } = claimed;
  if (tail !== head.tail) return `the campaign has another tail than the entry of version ${head.version}`;
  if (!jsonEqual(content.state, state)) return `the campaign has another state than its entries lead to`;
  if (content.archivedAt !== archivedAt) return 'the campaign was archived at another time than its entries say';
  if (last.updatedAt !== updatedAt || last.updatedBy !== updatedBy)
    return 'the campaign was changed last at another time, or by somebody else, than its entries say';
  return undefined;
}

/** The value of a JSON text; `undefined` for what is none. */
export function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The member `type` of a line. */
export function typeOf(value: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(value) ? value['type'] : undefined;
}
