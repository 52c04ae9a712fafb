import { setTimeout as pause } from 'node:timers/promises';
import type { AuditPlace, AuditStore, EntryFilter } from '../core/audit-store.ts';
import type { HistoryKeep } from '../core/compaction-store.ts';
import { RefusalError } from '../core/errors.ts';
import type { EntryPlace, HistoryStore, StoredEntry } from '../core/history-store.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import { mergePatch } from '../core/document/merge-patch.ts';
import { FIRST_TAIL, nextTail } from '../core/stream/hash-chain.ts';
import { toEntry, type LogRecord } from '../core/stream/log-record.ts';
import type { Entry } from '../core/stream/entry.ts';
import type { Origin } from '../core/stream/origin.ts';
import { formatPosition, type Position } from '../core/stream/position.ts';
import type { Archive } from '../engine/ports.ts';
import { createReadGate, type ReadGate } from '../engine/calls/read-gate.ts';
import type { Caller } from '../engine/service.ts';
import { systemClock } from '../engine/system-clock.ts';
import type { AuditEvent } from './audit-events.ts';
import { redactEntry, type RedactionOptions, type RedactionReceipt, type RedactionRequest } from './redaction.ts';
import { findRetention, setRetention, type Retention, type RetentionOptions } from './retention.ts';
import { readStatements, signRedacted, type StatementKeys } from './statements.ts';
import { verifyHistories, type Finding, type VerifyProgress } from './verify-histories.ts';

/** A place in the document that an entry has changed. */
export interface AuditChange {
  readonly path: readonly string[];
  /** What stood there; missing where nothing did. */
  readonly before?: JsonValue;
  /** What stands there since; missing where it was removed. */
  readonly after?: JsonValue;
}

/** An entry of any campaign, with what it changed. */
export interface AuditItem {
  readonly campaignId: string;
  readonly position: Position;
  readonly entry: Entry;
  /** Where it came from; missing in what the server does by itself. */
  readonly origin?: Origin;
  /** At most 50 places; `moreChanges` where there are more. */
  readonly changes: AuditChange[];
  readonly moreChanges?: true;
}

/** A part of the answer to a query. Not every part has items; the cursor says whether there is more. */
export interface AuditPage {
  readonly items: AuditItem[];
  readonly nextCursor: string | undefined;
}

/** Audit events, newest first. */
export interface AuditEventPage {
  readonly items: (AuditEvent & { readonly position: number })[];
  readonly nextCursor: number | undefined;
}

/** The outcome of a verification. */
export interface VerifyReport {
  readonly campaigns: number;
  readonly entries: number;
  /** Signed statements that were held against the chains; `undefined` where this server has no key. */
  readonly statements: number | undefined;
  readonly findings: Finding[];
}

/** What a verification says on its way. */
export type VerifyItem =
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'progress'; readonly progress: VerifyProgress }
  | { readonly kind: 'end'; readonly report: VerifyReport };

/** The newest verification of an instance. */
export interface LastVerification {
  /** When it ended, in epoch milliseconds. */
  readonly at: number;
  /** `undefined`: all campaigns. */
  readonly campaignIds: readonly string[] | undefined;
  readonly report: VerifyReport;
}

/** The audit, for callers whose rights have been checked. */
export interface AuditService {
  query(caller: Caller, filter: EntryFilter, cursor: string | undefined, limit: number): Promise<AuditPage>;
  events(caller: Caller, before: number | undefined, limit: number): Promise<AuditEventPage>;
  /** Verifies campaigns (`undefined`: all), one verification at a time. */
  verify(campaignIds?: readonly string[]): AsyncGenerator<VerifyItem, void, undefined>;
  /** Takes a value out of an entry for good: `redaction.ts`. One redaction at a time. */
  redact(caller: Caller, request: RedactionRequest): Promise<RedactionReceipt>;
  /** What is kept of a campaign's history. */
  retention(caller: Caller, campaignId: string): Promise<Retention>;
  /** Says what is kept of it; `undefined`: what is kept of all. */
  setRetention(campaignId: string, keep: HistoryKeep | undefined): Promise<Retention>;
  /** What the newest verification of this instance came to, whoever asked for it; `undefined`: none since its start. */
  lastVerification(): LastVerification | undefined;
  /**
   * Entries of one campaign after that version, oldest first, as lines of JSON; all of them, where the entry of that
   * version has another tail, because the campaign was replaced since. Where it was compacted away, those that are
   * kept.
   */
  exportEntries(after: EntryPlace & { readonly tail: string | undefined }): AsyncGenerator<string, void, undefined>;
  /** Events after that position, oldest first, as lines of JSON. */
  exportEvents(afterPosition: number): AsyncGenerator<string, void, undefined>;
}

export interface AuditServiceOptions extends Pick<RetentionOptions, 'keeps' | 'historyKeep'> {
  readonly store: AuditStore & HistoryStore & Pick<Archive, 'findMutation' | 'stateAt'>;
  readonly keys: StatementKeys;
  /** The engine that has campaigns in memory. Default: none has. */
  readonly engine?: RedactionOptions['engine'];
  /** Names this instance in what it records. Default: a random token. */
  readonly instance?: string;
}

/** Findings that a report lists, at most. */
const MAX_FINDINGS = 1_000;
/** Places that an item lists, at most, and the characters of a value in it. */
const MAX_CHANGES = 50;
const MAX_VALUE_CHARACTERS = 2_000;
/** Events that an export reads at once. */
const EVENTS_AT_ONCE = 500;
const EXPORT_BYTES = 128 * 1024;
const PROGRESS_MS = 1_000;

/** Where no campaign is in memory, all of each is saved. */
const NO_ENGINE: RedactionOptions['engine'] = {
  whenDurable: () => Promise.resolve(),
  forgetRedacted: () => Promise.resolve(),
};

export function createAuditService({
  store,
  keys,
  engine = NO_ENGINE,
  instance = systemClock.token(),
  keeps,
  historyKeep,
}: AuditServiceOptions): AuditService {
  // Its reads are the longest that there are: commits wait for one of them at most.
  const gate: ReadGate = createReadGate({ clock: systemClock, maxConcurrent: 1, timeoutMs: 10_000 });
  const redactions: ReadGate = createReadGate({ clock: systemClock, maxConcurrent: 1, timeoutMs: 10_000 });
  const { signing } = keys;
  const sign: RedactionOptions['sign'] =
    signing && ((redaction) => signRedacted({ store, key: signing, now: systemClock.now }, redaction));
  let verifying = false;
  let last: LastVerification | undefined;
  const pace = (readMs: number): Promise<unknown> => pause(Math.min(250, readMs));

  async function* verify(campaignIds?: readonly string[]): AsyncGenerator<VerifyItem, void, undefined> {
    if (verifying)
      throw new RefusalError('OVERLOADED', 'A verification is under way on this instance; try again later');
    verifying = true;
    try {
      const findings: Finding[] = [];
      const statements = keys.verifying.length > 0 ? await readStatements(store, keys.verifying) : undefined;
      if (statements?.ok === false)
        findings.push({ campaignId: '*', version: statements.position, problem: statements.problem });
      const events = campaignIds === undefined ? await verifyEvents(store) : undefined;
      if (events) findings.push(events);
      for (const finding of findings) yield { kind: 'finding', finding };

      let latest: VerifyProgress | undefined;
      let shownAt = performance.now();
      const walk = verifyHistories({
        store,
        campaignIds,
        ...(statements?.ok === true && { signed: statements.heads, redactions: statements.redactions }),
        now: () => performance.now(),
        async pace(readMs) {
          await pace(readMs);
        },
        onProgress: (progress) => {
          latest = progress;
        },
      });
      for (;;) {
        const next = await walk.next();
        if (next.done === true) {
          const { campaigns, entries } = next.value;
          const report = { campaigns, entries, statements: statements?.ok === true ? statements.count : undefined };
          const whole = { ...report, findings: findings.slice(0, MAX_FINDINGS) };
          last = { at: systemClock.now(), campaignIds, report: whole };
          yield { kind: 'end', report: whole };
          return;
        }
        findings.push(next.value);
        yield { kind: 'finding', finding: next.value };
        if (latest && performance.now() - shownAt > PROGRESS_MS) {
          shownAt = performance.now();
          yield { kind: 'progress', progress: latest };
        }
      }
    } finally {
      verifying = false;
    }
  }

  return {
    lastVerification: () => last,
    query: (caller, filter, cursor, limit) =>
      gate.pass(caller, async () => {
        const found = await store.findEntries(filter, cursor === undefined ? undefined : placeOf(cursor), limit);
        const items: AuditItem[] = [];
        for (const entry of found.entries) items.push(await itemOf(store, entry));
        return { items, nextCursor: found.next && cursorOf(found.next) };
      }),

    events: (caller, before, limit) =>
      gate.pass(caller, async () => {
        const events = await store.newestEvents(before, limit);
        const items = events.map(({ position, bytes }) => ({ ...eventOf(bytes), position }));
        const last = items.at(-1)?.position;
        return { items, nextCursor: items.length === limit ? last : undefined };
      }),

    verify,

    retention: (caller, campaignId) =>
      gate.pass(caller, () => findRetention({ store, keeps, historyKeep }, campaignId)),

    setRetention: (campaignId, keep) => setRetention({ store, keeps, historyKeep }, campaignId, keep),

    redact: (caller, request) =>
      redactions.pass(caller, () =>
        redactEntry({ store, engine, instance, now: systemClock.now, pace, sign }, caller, request),
      ),

    async *exportEntries({ campaignId, version, tail }) {
      const [known] = version > 0 ? await store.readEntries({ campaignId, version: version - 1 }, campaignId, 1) : [];
      const [history] = await store.readHistories(undefined, 1, [campaignId]);
      const isCompacted = history?.base !== undefined && history.base.version >= version;
      const isSame = tail === undefined || isCompacted || (known?.version === version && known.tail === tail);
      for (let after = isSame ? version : 0; ;) {
        const startedAt = performance.now();
        const page = await store.readEntries({ campaignId, version: after }, campaignId, EXPORT_BYTES);
        const last = page.at(-1);
        if (!last) return;
        for (const entry of page) yield exportedLine(entry);
        after = last.version;
        await pace(performance.now() - startedAt);
      }
    },

    async *exportEvents(afterPosition) {
      for (let after = afterPosition; ;) {
        const page = await store.readEvents(after, EVENTS_AT_ONCE);
        const last = page.at(-1);
        if (!last) return;
        for (const { position, bytes, tail } of page)
          yield JSON.stringify({ line: 'event', position, ...eventOf(bytes), tail });
        after = last.position;
      }
    },
  };
}

/** A line of an export: what was logged, and the hashes that prove it. */
function exportedLine({ campaignId, bytes, tail }: StoredEntry): string {
  const record: LogRecord = JSON.parse(bytes);
  const position = formatPosition(record.epoch, record.version);
  const { command, origin } = record;
  return JSON.stringify({ line: 'entry', campaignId, position, ...toEntry(record), command, origin, tail });
}

/** What does not fit in the chain of events. The first that is kept cannot be proven: older ones are dropped. */
async function verifyEvents(store: AuditStore): Promise<Finding | undefined> {
  let last: { position: number; tail: string } | undefined;
  for (;;) {
    const page = await store.readEvents(last?.position ?? 0, EVENTS_AT_ONCE);
    if (page.length === 0) return undefined;
    for (const { position, bytes, tail } of page) {
      const fits = last
        ? position === last.position + 1 && nextTail(last.tail, bytes) === tail
        : position > 1 || nextTail(FIRST_TAIL, bytes) === tail;
      if (!fits)
        return { campaignId: '*', version: position, problem: `event ${position} does not follow the one before it` };
      last = { position, tail };
    }
  }
}

async function itemOf(store: Pick<Archive, 'stateAt'>, stored: StoredEntry): Promise<AuditItem> {
  const record: LogRecord = JSON.parse(stored.bytes);
  const { campaignId, version } = stored;
  const before = version > 1 ? ((await store.stateAt(campaignId, version - 1)) ?? {}) : {};
  const changes = changesOf(before, mergePatch(before, record.change), record.change);
  return {
    campaignId,
    position: formatPosition(record.epoch, version),
    entry: toEntry(record),
    ...(record.origin && { origin: record.origin }),
    changes: changes.slice(0, MAX_CHANGES),
    ...(changes.length > MAX_CHANGES && { moreChanges: true }),
  };
}

/** The places that a merge patch names, each with what stood there and what stands there since. */
function changesOf(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
  change: JsonObject,
  at: readonly string[] = [],
): AuditChange[] {
  return Object.entries(change).flatMap(([name, patch]): AuditChange[] => {
    const path = [...at, name];
    const [old, now] = [memberOf(before, name), memberOf(after, name)];
    if (isJsonObject(patch) && isJsonObject(old)) return changesOf(old, now, patch, path);
    return [
      { path, ...(old !== undefined && { before: excerpt(old) }), ...(now !== undefined && { after: excerpt(now) }) },
    ];
  });
}

function memberOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** A value, or of a large one the beginning of its text: a page has bounds, and the history has all of it. */
function excerpt(value: JsonValue): JsonValue {
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARACTERS ? value : `${text.slice(0, MAX_VALUE_CHARACTERS)}…`;
}

function eventOf(bytes: string): AuditEvent {
  return JSON.parse(bytes);
}

/** A cursor is opaque to callers. */
function cursorOf({ at, campaignId, version }: AuditPlace): string {
  return `${at}.${version}.${campaignId}`;
}

function placeOf(cursor: string): AuditPlace {
  const [, at, version, campaignId] = /^(\d{1,15})\.(\d{1,15})\.([a-z0-9_-]{1,64})$/.exec(cursor) ?? [];
  if (at === undefined || version === undefined || campaignId === undefined)
    throw new RefusalError('INVALID', 'cursor: must be the nextCursor of the page before', { path: ['cursor'] });
  return { at: Number(at), campaignId, version: Number(version) };
}
