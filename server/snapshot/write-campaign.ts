import type { EntryPlace, HistoryStore, StoredEntry, StoredHistory } from '../core/history-store.ts';
import { claimOf, proveHistory, type HistoryProof, type ProvenPart } from './history-proof.ts';
import { campaignLine, lineOf } from './lines.ts';
import type { SnapshotOutput } from './snapshot-output.ts';

/** Bytes of entries that are read with one statement: a few milliseconds, for which a commit may have to wait. */
const READ_BYTES = 32 * 1024;

/** Entries that are read one after the other, and the next of them. */
export interface OpenEntries {
  readonly rest: AsyncIterator<StoredEntry>;
  next: IteratorResult<StoredEntry>;
}

/**
 * Opens the entries of these campaigns, each up to its head.
 *
 * @param from the version of the first campaign after which they begin
 */
export async function openEntries(
  output: SnapshotOutput,
  store: Pick<HistoryStore, 'readEntries'>,
  histories: readonly StoredHistory[],
  from = 0,
): Promise<OpenEntries> {
  const read = (after: EntryPlace, through: string) =>
    output.paced(() => store.readEntries(after, through, READ_BYTES));
  const rest = readEntriesOf(histories, read, from);
  return { rest, next: await rest.next() };
}

/**
 * Writes a campaign with its entries, which are the next ones, and proves on the way that they lead to it.
 *
 * @param since what is known of it already: its entries go on from there
 * @returns what does not fit in them, as one sentence without its stop; what was written of it is dropped then
 */
export async function* writeCampaign(
  output: SnapshotOutput,
  history: StoredHistory,
  entries: OpenEntries,
  since?: ProvenPart,
): AsyncGenerator<Buffer, string | undefined, undefined> {
  const { campaignId, head } = history;
  yield* output.line(campaignLine(history, since));
  const proof = proveHistory(claimOf(history), since);
  let problem = typeof proof === 'string' ? proof : undefined;
  while (entries.next.done !== true && entries.next.value.campaignId === campaignId) {
    problem ??= typeof proof === 'string' ? proof : misfitOf(proof, entries.next.value);
    if (problem === undefined) yield* output.line(entryLine(entries.next.value));
    await output.inTurns();
    entries.next = await entries.rest.next();
  }
  if (typeof proof !== 'string' && proof.version < head.version) problem ??= `version ${proof.version + 1} is missing`;
  if (problem !== undefined) {
    yield* output.line(lineOf({ type: 'dropped', campaignId }));
    return problem;
  }
  const done = output.progress;
  const written = head.version - (since?.version ?? history.base?.version ?? 0);
  output.count({ campaigns: done.campaigns + 1, entries: done.entries + written });
  return undefined;
}

/**
 * The entries of these campaigns, each up to its head, in order. What was committed since, and campaigns that were
 * created since, are passed over.
 *
 * @param from the version of the first campaign after which they begin
 */
async function* readEntriesOf(
  histories: readonly StoredHistory[],
  read: (after: EntryPlace, through: string) => Promise<StoredEntry[]>,
  from = 0,
): AsyncGenerator<StoredEntry, void, undefined> {
  const heads = new Map(histories.map(({ campaignId, head }) => [campaignId, head.version]));
  // What lies before it is on its way out.
  const bases = new Map(histories.map(({ campaignId, base }) => [campaignId, base?.version ?? 0]));
  const [first, last] = [histories.at(0), histories.at(-1)];
  let after: EntryPlace | undefined = first && { campaignId: first.campaignId, version: from };
  while (after && last) {
    const page = await read(after, last.campaignId);
    const end = page.at(-1);
    if (!end) return;
    for (const entry of page) {
      const { version, campaignId } = entry;
      if (version <= (heads.get(campaignId) ?? 0) && version > (bases.get(campaignId) ?? 0)) yield entry;
    }
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
