import type { HistoryStore, StoredCheckpoint, StoredEntry, StoredHistory } from '../core/history-store.ts';
import { jsonEqual } from '../core/json.ts';
import type { CampaignContent } from '../core/stream/apply.ts';
import { claimOf, parseJson, proveHistory, type HistoryProof } from '../snapshot/history-proof.ts';
import { hashOfBase } from './statements.ts';
import { isSameRedaction, type ProvenRedaction } from '../core/stream/redaction.ts';
import type { Archive } from '../engine/ports.ts';

/** What does not fit in storage: the first thing of each campaign. */
export interface Finding {
  readonly campaignId: string;
  /** The version of the entry, or of the checkpoint, that does not fit; missing where it is none of these. */
  readonly version?: number;
  /** What does not fit, as a part of a sentence. */
  readonly problem: string;
}

/** What was verified so far. */
export interface VerifyProgress {
  readonly campaigns: number;
  readonly entries: number;
  readonly expectedCampaigns: number;
  readonly expectedEntries: number;
}

/** What a signed statement says of a campaign: at that version the chain had that tail. */
export interface SignedHead {
  readonly version: number;
  readonly tail: string;
  /** Position of the statement. */
  readonly position: number;
  /** That its history begins there: the hash of what it begins with. */
  readonly state?: string;
}

export interface VerifyOptions {
  readonly store: HistoryStore & Pick<Archive, 'findMutation'>;
  /** Default: all campaigns. */
  readonly campaignIds?: readonly string[] | undefined;
  /** What was signed of each campaign, by version. Default: nothing. */
  readonly signed?: ReadonlyMap<string, readonly SignedHead[]>;
  /** What was signed of redacted entries, by tail. Default: what storage says of them counts. */
  readonly redactions?: ReadonlyMap<string, readonly ProvenRedaction[]>;
  /** Called with the milliseconds of each read: waits for as long as others should have the archive. */
  pace(readMs: number): Promise<void>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

const CAMPAIGNS_AT_ONCE = 16;
const READ_BYTES = 128 * 1024;

/**
 * Verifies that storage holds what was logged: of every campaign, that each entry follows the one before it by its
 * tail, that the last one leads to the campaign's row, and that every other row says what the entries say. Names the
 * first thing of each campaign that does not fit.
 *
 * Not proven by the chain alone: that nobody has written all of it anew; signed statements do (`statements.ts`). A
 * checkpoint that is missing is not named, as it is only a shortcut.
 */
export async function* verifyHistories(options: VerifyOptions): AsyncGenerator<Finding, VerifyProgress, undefined> {
  const { store, campaignIds, signed = new Map() } = options;
  const isSigned = options.signed !== undefined;
  const redactions = isSigned ? (options.redactions ?? new Map<string, ProvenRedaction[]>()) : undefined;
  const expected = await store.countHistories(campaignIds);
  let progress: VerifyProgress = {
    campaigns: 0,
    entries: 0,
    expectedCampaigns: expected.campaigns,
    expectedEntries: expected.entries,
  };

  const paced = async <T>(read: () => Promise<T>): Promise<T> => {
    const startedAt = options.now();
    const answer = await read();
    await options.pace(options.now() - startedAt);
    return answer;
  };

  const advance = (campaigns: number, entries: number): void => {
    progress = { ...progress, campaigns: progress.campaigns + campaigns, entries: progress.entries + entries };
    options.onProgress?.(progress);
  };

  const unseen = new Set(signed.keys());
  let after: string | undefined;
  for (;;) {
    const from = after;
    const histories = await paced(() => store.readHistories(from, CAMPAIGNS_AT_ONCE, campaignIds));
    const last = histories.at(-1);
    if (!last) break;
    after = last.campaignId;
    for (const history of histories) {
      const { campaignId } = history;
      unseen.delete(campaignId);
      const heads = signed.get(campaignId) ?? [];
      let finding = await verifyCampaign(store, history, heads, redactions, paced, (count) => advance(0, count));
      if (finding) {
        // Once more, from its row on: it may have been replaced by a restore between the reads.
        const [again] = await paced(() => store.readHistories(undefined, 1, [campaignId]));
        finding = again && (await verifyCampaign(store, again, heads, redactions, paced, () => undefined));
      }
      if (finding) yield finding;
      advance(1, 0);
    }
  }
  if (campaignIds === undefined) {
    for (const campaignId of await paced(() => store.orphans())) {
      unseen.delete(campaignId);
      yield { campaignId, problem: 'there are entries, forks or checkpoints, and no campaign' };
    }
    for (const campaignId of unseen) yield { campaignId, problem: 'it was signed, and is gone with all of its rows' };
  }
  return progress;
}

type Paced = <T>(read: () => Promise<T>) => Promise<T>;

/** Whether what a history begins with is what was signed of it. */
function isSignedBase(history: StoredHistory, signed: readonly SignedHead[]): boolean {
  const { base } = claimOf(history);
  if (!base) return false;
  const hash = hashOfBase(base);
  return signed.some(({ version, tail, state }) => version === base.version && tail === base.tail && state === hash);
}

async function verifyCampaign(
  store: VerifyOptions['store'],
  history: StoredHistory,
  signed: readonly SignedHead[],
  signedRedactions: VerifyOptions['redactions'],
  paced: Paced,
  onEntries: (count: number) => void,
): Promise<Finding | undefined> {
  const { campaignId, head } = history;
  const { base } = history;
  const isSigned = signedRedactions !== undefined;
  const redacted = Map.groupBy(history.redactions ?? [], (redaction) => redaction.tail);
  // What storage says of redactions counts where nothing can be signed.
  const unsigned = isSigned ? { ...claimOf(history), redactions: [] } : claimOf(history);
  const proof = proveHistory(unsigned, undefined, (tail) => {
    const done = redacted.get(tail) ?? [];
    // What was signed and not done here, as it was cut off or is of another campaign with this entry, does not count.
    return (signedRedactions?.get(tail) ?? []).filter((signed) =>
      done.some(({ redaction }) => isSameRedaction(redaction, signed.redaction)),
    );
  });
  if (typeof proof === 'string') return { campaignId, problem: proof };
  const checkpoints = createCheckpointReader(store, campaignId, base?.version ?? 0, paced);
  const claims = new Map(signed.map((claim) => [claim.version, claim]));
  if (base && isSigned && !isSignedBase(history, signed)) {
    const problem = `its history begins behind version ${base.version}, and no statement has signed that`;
    return { campaignId, version: base.version, problem };
  }
  let first = !base;

  for (let version = base?.version ?? 0; version < head.version;) {
    const page = await paced(() => store.readEntries({ campaignId, version }, campaignId, READ_BYTES));
    const upToHead = page.filter((entry) => entry.version <= head.version);
    if (upToHead.length === 0) break;
    for (const entry of upToHead) {
      const taken = await takeEntry(store, proof, entry, redacted.get(entry.tail) ?? []);
      if ('problem' in taken) return { campaignId, version: entry.version, problem: taken.problem };
      const claim = claims.get(entry.version);
      if (claim && claim.tail !== entry.tail) {
        const problem = `the chain is not the one that statement ${claim.position} has signed`;
        return { campaignId, version: entry.version, problem };
      }
      const misplaced = await checkpoints.misfitAt(entry.version, taken.content);
      if (misplaced !== undefined) return { campaignId, version: entry.version, problem: misplaced };
      if (first && entry.at !== history.createdAt) {
        return { campaignId, problem: 'the campaign was created at another time than its first entry says' };
      }
      first = false;
      version = entry.version;
    }
    onEntries(upToHead.length);
  }
  const ending = await endMisfit(store, history, proof, signed, paced);
  if (ending) return ending;
  const spare = await checkpoints.nextVersion();
  if (spare === undefined || (await hasCome(store, campaignId, spare, paced))) return undefined;
  return { campaignId, version: spare, problem: `there is a checkpoint of version ${spare}, and no such entry` };
}

/**
 * Whether a campaign has reached a version by now: what lies beyond the head that was read may have been committed
 * since.
 */
async function hasCome(store: HistoryStore, campaignId: string, version: number, paced: Paced): Promise<boolean> {
  const [now] = await paced(() => store.readHistories(undefined, 1, [campaignId]));
  return !now || now.head.version >= version;
}

/** What does not fit in an entry's row; else the content after it. */
async function takeEntry(
  store: Pick<Archive, 'findMutation'>,
  proof: HistoryProof,
  entry: StoredEntry,
  redacted: readonly ProvenRedaction[],
): Promise<{ readonly content: CampaignContent } | { readonly problem: string }> {
  const { campaignId, version } = entry;
  if (version !== proof.version + 1) return { problem: `the entry of version ${proof.version + 1} is missing` };
  const proven = proof.next(entry.bytes, entry.tail);
  if (!proven.ok) return { problem: proven.problem };
  const { record } = proven;
  if (proven.isOriginal && redacted.length > 0) return { problem: 'what was redacted of it stands there again' };
  const named = record.redacted ?? [];
  if (
    named.length !== redacted.length ||
    !redacted.every((row) => named.some((own) => isSameRedaction(own, row.redaction)))
  )
    return { problem: 'what storage says was redacted of it is not what the entry says' };
  for (const column of ['epoch', 'type', 'at'] as const)
    if (record[column] !== entry[column]) return { problem: `the column ${column} is not what the entry says` };
  if (entry.mutationId === null) {
    // The database has each id once; `null` is for those that an earlier entry has.
    const { entry: owner } = await store.findMutation(campaignId, record.mutationId);
    if (!owner || owner.record.version >= version) return { problem: 'the column mutation_id is empty' };
  } else if (entry.mutationId !== record.mutationId) {
    return { problem: 'the column mutation_id is not what the entry says' };
  }
  return { content: proven.content };
}

/** What does not fit at the end of a campaign. */
async function endMisfit(
  store: HistoryStore,
  history: StoredHistory,
  proof: HistoryProof,
  signed: readonly SignedHead[],
  paced: Paced,
): Promise<Finding | undefined> {
  const { campaignId, head, title, status, state } = history;
  if (proof.version < head.version)
    return { campaignId, version: proof.version + 1, problem: `the entry of version ${proof.version + 1} is missing` };
  const beyond = signed.find(({ version }) => version > head.version);
  if (beyond) {
    const problem = `the entries from version ${head.version + 1} on, which statement ${beyond.position} has signed, are gone`;
    return { campaignId, version: beyond.version, problem };
  }
  const document = parseJson(state);
  const shown = typeof document === 'object' && document !== null && !Array.isArray(document) ? document : {};
  if (title !== (typeof shown['title'] === 'string' ? shown['title'] : ''))
    return { campaignId, problem: 'the column title is not what the state says' };
  if (status !== (typeof shown['status'] === 'string' ? shown['status'] : undefined))
    return { campaignId, problem: 'the column status is not what the state says' };
  const [next] = await paced(() => store.readEntries({ campaignId, version: head.version }, campaignId, 1));
  if (!next || (await hasCome(store, campaignId, next.version, paced))) return undefined;
  return { campaignId, version: next.version, problem: `there is an entry after the head, version ${head.version}` };
}

/** Reads the checkpoints of a campaign beside its entries. */
/** @param from the version behind which they begin: that of the base is no checkpoint of an entry that is kept */
function createCheckpointReader(store: HistoryStore, campaignId: string, from: number, paced: Paced) {
  let page: StoredCheckpoint[] = [];
  let after = from;
  let complete = false;

  const peek = async (): Promise<StoredCheckpoint | undefined> => {
    if (page.length === 0 && !complete) {
      page = await paced(() => store.readCheckpoints(campaignId, after, READ_BYTES));
      complete = page.length === 0;
      after = page.at(-1)?.version ?? after;
    }
    return page[0];
  };

  return {
    /** What does not fit in the checkpoint of that version, or in one that stands before it. */
    async misfitAt(version: number, content: CampaignContent): Promise<string | undefined> {
      const next = await peek();
      if (!next || next.version > version) return undefined;
      page.shift();
      if (next.version < version) return `there is a checkpoint of version ${next.version}, and no such entry`;
      return jsonEqual(parseJson(next.state), content.state)
        ? undefined
        : 'the checkpoint is not the state that the entries lead to';
    },
    /** The version of the next checkpoint, beyond the last entry. */
    async nextVersion(): Promise<number | undefined> {
      return (await peek())?.version;
    },
  };
}
