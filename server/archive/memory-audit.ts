import type { AuditPlace, AuditStore, EntryFilter, StoredAuditEvent, StoredStatement } from '../core/audit-store.ts';
import type { StoredEntry, StoredRedaction } from '../core/history-store.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import { LIMITS } from '../core/limits.ts';
import { FIRST_TAIL, nextTail } from '../core/stream/hash-chain.ts';
import { isSameRedaction } from '../core/stream/redaction.ts';
import { dropStaged, toStoredEntry, type StagedRestore } from './memory-histories.ts';
import type { MemoryStore } from './memory-archive.ts';
import { toSealedEntry } from './sql/columns.ts';

/** The audit's part of a store in memory. */
export interface MemoryAudit {
  events: StoredAuditEvent[];
  readonly statements: StoredStatement[];
  readonly signed: Map<string, { version: number; at: number }>;
  redactions: MemoryRedaction[];
  /** The newest ordinal that was given out. */
  lastOrdinal: number;
}

/** A redaction, and up to which version entries are not loaded with its campaign. */
export type MemoryRedaction = Omit<StoredRedaction, 'forgotten'> & { forgotten: boolean; through: number };

/** Entries that one call looks through, as a database's. */
const SCANNED_ROWS = 2_000;

/** @param call runs a call within one turn */
export function createMemoryAudit(
  { campaigns, audit, restores }: MemoryStore,
  call: <T>(answer: () => T) => Promise<T>,
): AuditStore {
  return {
    findEntries: (filter, before, limit) =>
      call(() => {
        const { campaignId, from = 0, to = Number.POSITIVE_INFINITY } = filter;
        const scanned = [...campaigns]
          .filter(([id]) => campaignId === undefined || id === campaignId)
          .flatMap(([id, campaign]) => campaign.entries.map((entry) => toStoredEntry(id, campaign, entry)))
          .filter((entry) => entry.at >= from && entry.at <= to && (!before || newestFirst(entry, before) > 0))
          .sort(newestFirst)
          .slice(0, SCANNED_ROWS);
        const entries: StoredEntry[] = [];
        let bytes = 0;
        for (const entry of scanned) {
          if (!matches(filter, entry)) continue;
          entries.push(entry);
          bytes += entry.bytes.length;
          if (entries.length >= limit || bytes >= LIMITS.pageBytes) return { entries, next: placeOf(entry) };
        }
        const last = scanned.length < SCANNED_ROWS ? undefined : scanned.at(-1);
        return { entries, next: last && placeOf(last) };
      }),

    appendEvents: (events, keep) =>
      call(() => {
        appendAuditEvents(audit, events);
        audit.events = audit.events.slice(-keep);
      }),

    readEvents: (afterPosition, limit) =>
      call(() => audit.events.filter(({ position }) => position > afterPosition).slice(0, limit)),

    newestEvents: (before = Number.POSITIVE_INFINITY, limit) =>
      call(() =>
        audit.events
          .filter(({ position }) => position < before)
          .toReversed()
          .slice(0, limit),
      ),

    unsignedHeads: (minEntries, signedBefore, limit) =>
      call(() =>
        [...campaigns]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([campaignId, { head }]) => ({ campaignId, head: { ...head } }))
          .filter(({ campaignId, head }) => {
            const { version, at } = audit.signed.get(campaignId) ?? { version: 0, at: 0 };
            return head.version - version >= minEntries || (head.version !== version && at < signedBefore);
          })
          .slice(0, limit),
      ),

    lastStatement: () => call(() => audit.statements.at(-1)),

    appendStatement: (statement, heads, at) =>
      call(() => {
        if (audit.statements.some(({ position }) => position === statement.position)) return false;
        audit.statements.push({ ...statement });
        for (const { campaignId, version } of heads) audit.signed.set(campaignId, { version, at });
        return true;
      }),

    readStatements: (afterPosition, limit) =>
      call(() => audit.statements.filter(({ position }) => position > afterPosition).slice(0, limit)),

    // States are folded from the entries: there are no checkpoints to write anew.
    redact: ({ campaignId, epoch, version, tail, redaction, hash, before, after, through, redactions, event }) =>
      call(() => {
        const campaign = campaigns.get(campaignId);
        if (campaign?.head.epoch !== epoch || campaign.head.version < through) return false;
        const index = version - campaign.firstVersion;
        const entry = campaign.entries[index];
        const known = audit.redactions.filter((other) => other.campaignId === campaignId).length;
        if (entry?.tail !== tail || entry.bytes !== before || known !== redactions) return false;
        campaign.entries[index] = { bytes: after, tail };
        for (const restore of restores.values()) dropStagedWith(restore, tail);
        appendAuditEvents(audit, [event]);
        addRedaction(audit, { campaignId, version, tail, redaction, hash, through, forgotten: false });
        return true;
      }),

    redactionsAfter: (ordinal, limit) =>
      call(() =>
        audit.redactions
          .filter((redaction) => redaction.ordinal > ordinal)
          .slice(0, limit)
          .map((redaction) => ({ ...redaction })),
      ),

    markForgotten: (ordinal) =>
      call(() => {
        for (const redaction of audit.redactions) if (redaction.ordinal === ordinal) redaction.forgotten = true;
      }),
  };
}

/** Notes a redaction behind the last one; one that is known already is only renewed. */
export function addRedaction(audit: MemoryAudit, redaction: Omit<MemoryRedaction, 'ordinal'>): void {
  const { campaignId, tail, hash, through } = redaction;
  const known = audit.redactions.find(
    (other) =>
      other.campaignId === campaignId &&
      other.tail === tail &&
      JSON.stringify(other.redaction) === JSON.stringify(redaction.redaction),
  );
  if (known) Object.assign(known, { hash, through });
  else audit.redactions.push({ ...redaction, ordinal: (audit.lastOrdinal += 1) });
}

/** Drops what is known of entries of a campaign beside what they name by now, which covers it. */
export function dropSuperseded(
  audit: MemoryAudit,
  campaignId: string,
  named: readonly Pick<MemoryRedaction, 'tail' | 'redaction'>[],
): void {
  audit.redactions = audit.redactions.filter((known) => {
    const ofEntry = known.campaignId === campaignId ? named.filter(({ tail }) => tail === known.tail) : [];
    return ofEntry.length === 0 || ofEntry.some(({ redaction }) => isSameRedaction(redaction, known.redaction));
  });
}

/** Drops what a restore has staged, if an entry is among it. */
function dropStagedWith(restore: StagedRestore, tail: string): void {
  const staged = [...restore.entries.values()].flatMap((ofCampaign) => [...ofCampaign.values()]);
  if (staged.some((entry) => entry.tail === tail)) dropStaged(restore);
}

/** Appends events behind the last one. */
export function appendAuditEvents(audit: MemoryAudit, events: readonly string[]): void {
  for (const bytes of events) {
    const last = audit.events.at(-1);
    const tail = nextTail(last?.tail ?? FIRST_TAIL, bytes);
    audit.events.push({ position: (last?.position ?? 0) + 1, bytes, tail });
  }
}

function placeOf({ at, campaignId, version }: StoredEntry): AuditPlace {
  return { at, campaignId, version };
}

function newestFirst(a: AuditPlace, b: AuditPlace): number {
  if (a.at !== b.at) return b.at - a.at;
  if (a.campaignId !== b.campaignId) return a.campaignId < b.campaignId ? 1 : -1;
  return b.version - a.version;
}

function matches({ actor, type, path, text }: EntryFilter, { bytes, tail }: StoredEntry): boolean {
  const { record } = toSealedEntry({ bytes, tail });
  if (actor !== undefined && record.actor.id !== actor) return false;
  if (type !== undefined && record.type !== type) return false;
  if (text !== undefined && !bytes.includes(text)) return false;
  return path === undefined || touches(record.change, path);
}

function touches(change: JsonObject, path: readonly string[]): boolean {
  let at: JsonValue | undefined = change;
  for (const name of path) {
    if (!isJsonObject(at)) return true;
    if (!Object.hasOwn(at, name)) return false;
    at = at[name];
  }
  return true;
}
