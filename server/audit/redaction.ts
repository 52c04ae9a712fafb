import type { AuditStore, EntryRedaction } from '../core/audit-store.ts';
import { RefusalError } from '../core/errors.ts';
import type { HistoryStore, StoredEntry, StoredHistory } from '../core/history-store.ts';
import { isJsonObject, jsonEqual, type JsonValue } from '../core/json.ts';
import { hashOfBytes } from '../core/stream/hash-chain.ts';
import type { LogRecord } from '../core/stream/log-record.ts';
import { versionOnTimeline, type Position } from '../core/stream/position.ts';
import {
  isRedacted,
  patchAt,
  redactRecord,
  REDACTIONS_OF_CAMPAIGN,
  valueIn,
  type ProvenRedaction,
  type Redaction,
} from '../core/stream/redaction.ts';
import type { Archive } from '../engine/ports.ts';
import type { Caller } from '../engine/service.ts';
import { parseJson } from '../snapshot/history-proof.ts';

/** What is to be redacted: a place in the document whose value an entry has brought, or its comment, or both. */
export interface RedactionRequest {
  readonly campaignId: string;
  /** Of the entry. */
  readonly position: Position;
  /** Outermost first. */
  readonly path?: readonly string[] | undefined;
  readonly comment?: boolean | undefined;
}

/** The outcome of a redaction. */
export interface RedactionReceipt {
  readonly campaignId: string;
  readonly position: Position;
  readonly path?: readonly string[];
  readonly comment?: true;
  /** When it was redacted, in epoch milliseconds: earlier, where it was already. */
  readonly at: number;
  /** Whether nothing of it is left on this instance and in the log; where not, both are tried again. */
  readonly complete: boolean;
  /**
   * Whether the entry had a salt. Without one, as in entries of before, whoever has the hash that stays, and guesses
   * all that went, can see that the guess was right.
   */
  readonly salted: boolean;
}

export interface RedactionOptions {
  readonly store: AuditStore & HistoryStore & Pick<Archive, 'stateAt'>;
  readonly engine: {
    whenDurable(caller: Caller, campaignId: string, position: Position): Promise<unknown>;
    forgetRedacted(campaignId: string): Promise<void>;
  };
  /** Says, signed, what is left of an entry. Default: nothing is signed. */
  readonly sign?: ((redaction: ProvenRedaction & { readonly campaignId: string }) => Promise<void>) | undefined;
  /** Names this instance in the event. */
  readonly instance: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Waits after so many milliseconds of reading. */
  readonly pace: (readMs: number) => Promise<unknown>;
}

/** Attempts, of which each but the last was overtaken by another redaction, a compaction or a restore. */
const ATTEMPTS = 5;
const READ_BYTES = 128 * 1024;
/** Different values at the place that are remembered, at most, and their characters. */
const MAX_SHOWN = 1_000;
const MAX_SHOWN_CHARACTERS = 4 * 1024 * 1024;

/**
 * Takes a value out of an entry for good: out of the entry, the command and the checkpoints in storage, then out of the
 * log and the memory of the instances. The chain goes on over the tail that the entry had; what is left of it is proven
 * by a hash of its own, which is signed where there is a key, before anything is changed. Killed anywhere, it can be
 * asked for again.
 *
 * Invariant: the fold of the entries leads to every later state as before, so that nothing is forked and nobody who
 * watches is told. It holds because the value has to be gone from the document by some later version: up to that one
 * both folds are computed, with it and without, until they are equal at the place.
 *
 * @throws RefusalError `CONFLICT` where the value still stands in the document; `NOT_FOUND` where the entry does not
 *   bring one, or is not kept
 */
export async function redactEntry(
  options: RedactionOptions,
  caller: Caller,
  request: RedactionRequest,
): Promise<RedactionReceipt> {
  const { store, engine, now } = options;
  const { campaignId, position, path } = request;
  const comment = request.comment === true;
  if (path === undefined && !comment)
    throw new RefusalError('INVALID', 'path: name a place in the document, or the comment, or both', {
      path: ['path'],
    });
  // What is not saved yet is in no archive; and the position is one of the current timeline after this.
  await engine.whenDurable(caller, campaignId, position);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const [history] = await store.readHistories(undefined, 1, [campaignId]);
    const { entry, record, epoch } = await findEntry(store, history, request);
    const done = record.redacted?.find((known) =>
      isRedacted({ ...record, redacted: [known] }, { ...(path && { path }), ...(comment && { comment }) }),
    );
    const receipt = { campaignId, position, ...(path && { path }), ...(comment && { comment }) };
    if (done) return { ...receipt, at: done.at, complete: await isForgotten(engine, campaignId), salted: true };
    const known = history?.redactions?.length ?? 0;
    if (known >= REDACTIONS_OF_CAMPAIGN)
      throw new RefusalError('TOO_LARGE', `campaignId: ${campaignId} has ${known} redactions, the most there can be`, {
        limit: REDACTIONS_OF_CAMPAIGN,
        path: ['campaignId'],
      });
    const redaction = await redactionOf(store, record, request, { at: now(), by: caller.identity.id });
    const left = redactRecord(record, redaction);
    if (!left) throw nothingThere(request, record.version);
    const after = JSON.stringify(left);
    const { version } = record;
    const proven: ProvenRedaction = { version, tail: entry.tail, redaction, hash: hashOfBytes(after) };
    const span = path
      ? await spanOf(options, history, record, left, path, campaignId)
      : { shown: [], through: version };
    await options.sign?.({ campaignId, ...proven });
    const isDone = await store.redact({
      ...proven,
      ...span,
      campaignId,
      epoch,
      before: entry.bytes,
      after,
      redactions: known,
      event: eventOf(options, caller, request, redaction),
    });
    if (isDone)
      return {
        ...receipt,
        at: redaction.at,
        complete: await isForgotten(engine, campaignId),
        salted: record.salt !== undefined || record.redacted !== undefined,
      };
  }
  throw new RefusalError(
    'UNAVAILABLE',
    `${campaignId}: its history is changed at the same time; nothing was redacted`,
    {
      retryAfterMs: 1_000,
    },
  );
}

/** The entry of a position, as it is stored, and the epoch of its campaign's head. */
async function findEntry(
  store: HistoryStore,
  history: StoredHistory | undefined,
  { campaignId, position }: RedactionRequest,
): Promise<{ readonly entry: StoredEntry; readonly record: LogRecord; readonly epoch: string }> {
  const version = history && versionOnTimeline(position, history.head, history.lineage);
  const gone = (why: string): RefusalError =>
    new RefusalError('NOT_FOUND', `position: ${position} ${why}`, { path: ['position'] });
  if (!history || version === undefined || version < 1) throw gone(`is not on the current timeline of ${campaignId}`);
  if (history.base && version <= history.base.version)
    throw gone(
      `was compacted away; the history of ${campaignId} begins with the state of version ${history.base.version}, and has the value as long as that state has it: keep fewer versions of it`,
    );
  const [entry] = await store.readEntries({ campaignId, version: version - 1 }, campaignId, 1);
  if (entry?.version !== version) throw gone(`is not among the entries of ${campaignId}`);
  const record: LogRecord = JSON.parse(entry.bytes);
  return { entry, record, epoch: history.head.epoch };
}

/** What exactly goes: of a value that was merged into what stood there, only what the entry has brought. */
async function redactionOf(
  store: Pick<Archive, 'stateAt'>,
  { version, change }: LogRecord,
  { campaignId, path, comment = false }: RedactionRequest,
  made: Pick<Redaction, 'at' | 'by'>,
): Promise<Redaction> {
  const said = comment && { comment: true as const };
  if (!path) return { ...said, ...made };
  const brought = valueIn(change, path);
  const before = version > 1 && isJsonObject(brought) ? await store.stateAt(campaignId, version - 1) : undefined;
  const names = isJsonObject(brought) && isJsonObject(valueIn(before, path));
  return { path, ...(names && { names: true as const }), ...said, ...made };
}

/** What is shown at the place in place of the value, and from which version on that is what was there anyway. */
async function spanOf(
  { store, pace }: RedactionOptions,
  history: StoredHistory | undefined,
  record: LogRecord,
  left: LogRecord,
  path: readonly string[],
  campaignId: string,
): Promise<Pick<EntryRedaction, 'shown' | 'through'>> {
  const stillThere = (): RefusalError =>
    new RefusalError(
      'CONFLICT',
      `path: what version ${record.version} brought to ${path.join(' › ')} still stands in the document; remove it there first, then redact it`,
      { path: ['path'] },
    );
  const head = history?.head.version ?? record.version;
  const present = valueIn(parseJson(history?.state ?? '{}'), path);
  const brought = valueIn(record.change, path);
  if (brought !== undefined && jsonEqual(present, brought)) throw stillThere();
  let version = record.version;
  const before = version > 1 ? valueIn(await store.stateAt(campaignId, version - 1), path) : undefined;
  let real = patchAt(before, record.change, path);
  let rest = patchAt(before, left.change, path);
  const shown: { from: number; value: JsonValue | undefined }[] = [{ from: version, value: rest }];
  let characters = 0;
  while (!jsonEqual(real, rest)) {
    if (version >= head) throw stillThere();
    const startedAt = performance.now();
    const page = await store.readEntries({ campaignId, version }, campaignId, READ_BYTES);
    if (page.length === 0) throw stillThere();
    for (const entry of page) {
      const { change }: LogRecord = JSON.parse(entry.bytes);
      version = entry.version;
      real = patchAt(real, change, path);
      const next = patchAt(rest, change, path);
      if (next !== rest) {
        shown.push({ from: version, value: next });
        characters += JSON.stringify(next ?? null).length;
      }
      rest = next;
      if (jsonEqual(real, rest)) break;
    }
    if (shown.length > MAX_SHOWN || characters > MAX_SHOWN_CHARACTERS)
      throw new RefusalError(
        'TOO_LARGE',
        `path: ${path.join(' › ')} has changed more than ${MAX_SHOWN} times while the value stood in it; name a narrower place`,
        { path: ['path'], limit: MAX_SHOWN },
      );
    await pace(performance.now() - startedAt);
  }
  return { shown, through: version };
}

/** Whether log and memory are rid of it. Where they do not answer, it is tried again without anybody who waits. */
async function isForgotten(engine: RedactionOptions['engine'], campaignId: string): Promise<boolean> {
  return engine.forgetRedacted(campaignId).then(
    () => true,
    () => false,
  );
}

function nothingThere({ path, comment }: RedactionRequest, version: number): RefusalError {
  return path
    ? new RefusalError('NOT_FOUND', `path: version ${version} brings nothing to ${path.join(' › ')}`, {
        path: ['path'],
      })
    : new RefusalError('NOT_FOUND', `comment: version ${version} has ${comment === true ? 'none' : 'no such place'}`, {
        path: ['comment'],
      });
}

/** The audit event that says so; it is recorded in the transaction that redacts. */
function eventOf(
  { instance }: RedactionOptions,
  { identity, correlationId, origin }: Caller,
  { campaignId, position }: RedactionRequest,
  { at, path, comment }: Redaction,
): string {
  const { transport, token, address } = origin ?? {};
  return JSON.stringify({
    at,
    kind: 'redact',
    actor: identity.id,
    campaignId,
    path: 'audit.redact',
    correlationId,
    transport,
    token,
    address,
    head: position,
    place: path,
    comment,
    instance,
  });
}
