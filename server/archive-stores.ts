import type { AnalyticsStore } from './core/analytics/analytics-store.ts';
import type { AccessKeyStore } from './core/access-key.ts';
import type { AuditStore } from './core/audit-store.ts';
import type { CompactionStore } from './core/compaction-store.ts';
import type { HistoryStore } from './core/history-store.ts';
import type { HeldPlaceStore } from './core/targeting/held-place-store.ts';
import type { Archive } from './engine/ports.ts';

/* What an archive is beside an archive: each of these is complete, or it is not there. */

/** The archive's storage of API keys; `undefined` for an archive that has none. */
export function keyStoreOf(archive: Archive & Partial<AccessKeyStore>): AccessKeyStore | undefined {
  const { insertKey, insertPreview, listKeys, listPreviews, findKeys, revokeKey, markKeysUsed } = archive;
  const isComplete = insertKey && insertPreview && listKeys && listPreviews && findKeys && revokeKey && markKeysUsed;
  return isComplete && { insertKey, insertPreview, listKeys, listPreviews, findKeys, revokeKey, markKeysUsed };
}

/** The archive as storage that compacts histories; `undefined` for one that does not. */
export function compactionStoreOf(archive: Archive & Partial<CompactionStore>): CompactionStore | undefined {
  const { claimCompaction, findCompactable, setBase, deleteCompacted, findKeep, setKeep, mayCompact } = archive;
  const isComplete = claimCompaction && findCompactable && setBase && deleteCompacted;
  if (!isComplete || !findKeep || !setKeep || !mayCompact) return undefined;
  return { claimCompaction, findCompactable, setBase, deleteCompacted, findKeep, setKeep, mayCompact };
}

/** The archive as storage of the audit; `undefined` for one that keeps none. */
export function auditStoreOf(
  archive: Archive & Partial<HistoryStore> & Partial<AuditStore>,
): (Archive & HistoryStore & AuditStore) | undefined {
  return isHistoryStore(archive) && isAuditStore(archive) ? archive : undefined;
}

function isAuditStore<A extends Archive>(archive: A & Partial<AuditStore>): archive is A & AuditStore {
  const { findEntries, appendEvents, readEvents, newestEvents } = archive;
  const { unsignedHeads, lastStatement, appendStatement, readStatements } = archive;
  const events = [findEntries, appendEvents, readEvents, newestEvents];
  const { redact, redactionsAfter, markForgotten } = archive;
  const statements = [unsignedHeads, lastStatement, appendStatement, readStatements];
  return [...events, ...statements, redact, redactionsAfter, markForgotten].every((method) => method !== undefined);
}

/** The archive as storage of events; `undefined` for one that keeps none. */
export function analyticsStoreOf(
  archive: Archive & Partial<AnalyticsStore & HeldPlaceStore>,
): (AnalyticsStore & HeldPlaceStore) | undefined {
  return isAnalyticsStore(archive) ? archive : undefined;
}

function isAnalyticsStore(
  archive: Archive & Partial<AnalyticsStore & HeldPlaceStore>,
): archive is Archive & AnalyticsStore & HeldPlaceStore {
  const { recordEvents, countUnits, sumMetric, readTimeline, recordViewers, readPaints } = archive;
  const { campaignSalt, forgetUnits, forgetCampaign, listPhases, markPhases, sweepAnalytics } = archive;
  const { holdPlaces, findHeldPlaces, listHeldLines, markHeldLines, sweepHeldPlaces } = archive;
  const counts = [recordEvents, countUnits, sumMetric, readTimeline, recordViewers, readPaints];
  const places = [holdPlaces, findHeldPlaces, listHeldLines, markHeldLines, sweepHeldPlaces];
  return [
    ...counts,
    ...places,
    campaignSalt,
    forgetUnits,
    forgetCampaign,
    listPhases,
    markPhases,
    sweepAnalytics,
  ].every((method) => method !== undefined);
}

/** The archive as storage of whole histories; `undefined` for one that moves none. */
export function historyStoreOf(
  archive: Archive & Partial<HistoryStore> & Partial<AuditStore>,
): (Archive & HistoryStore & AuditStore) | undefined {
  return auditStoreOf(archive);
}

function isHistoryStore(archive: Archive & Partial<HistoryStore>): archive is Archive & HistoryStore {
  const { countHistories, readHeads, readHistories, readEntries, readCheckpoints, orphans } = archive;
  const { beginRestore, stage, adopt, endRestore, endStaleRestores } = archive;
  const { claimSnapshot, releaseSnapshot, lastSnapshot } = archive;
  const reads = [countHistories, readHeads, readHistories, readEntries, readCheckpoints, orphans];
  const moves = [beginRestore, stage, adopt, endRestore, endStaleRestores];
  return [...reads, ...moves, claimSnapshot, releaseSnapshot, lastSnapshot].every((method) => method !== undefined);
}
