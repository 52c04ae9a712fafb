import type { KeyedArchive } from '../keyed-archive.ts';
import { sql, type Kysely } from 'kysely';
import type { Archive, CommitOutcome } from '../../engine/ports.ts';
import { toStoredState, type StoredCommit } from './columns.ts';
import { ArchiveError, toArchiveError } from '../errors.ts';
import { createSqlKeyStore } from './access-keys.ts';
import { commitParts } from './commit.ts';
import { createCampaign } from './create.ts';
import { createSqlAnalytics } from './analytics/sql-analytics.ts';
import { createSqlCompaction } from './compaction.ts';
import { createSqlDeletions } from './deletions.ts';
import { createSqlAudit } from './audit.ts';
import { createSqlHeldPlaces } from './analytics/held-places.ts';
import { createSqlHistories } from './histories.ts';
import { createSqlReads } from './reads.ts';
import { createLogMemberships } from './membership.ts';
import type { Database } from './schema.ts';

export interface SqlArchiveOptions {
  /** The Postgres schema. */
  readonly namespace: string;
  /**
   * Whether nobody else uses it, so that the log ends with this archive: a clean stop then ends the log memberships
   * that began through it.
   */
  readonly soleUser: boolean;
  /** Memberships that a sole user began before its database was opened again: campaign id to generation. */
  readonly memberships?: ReadonlyMap<string, number>;
  /** Connections for analytics alone, which the archive's stop closes too. Default: those of the archive. */
  readonly analyticsDb?: Kysely<Database>;
  /** Called now and then during a call that can take long. */
  readonly onProgress?: () => void;
}

/** An archive over SQL. */
export interface SqlArchive extends KeyedArchive {
  /** `commit` of parts whose states have been made text elsewhere: in the thread that serves clients. */
  commitStored(parts: readonly StoredCommit[]): Promise<CommitOutcome[]>;
}

/**
 * An archive over a migrated database: Postgres (`postgres/open-postgres.ts`) or PGlite (`pglite/worker.ts`). Its
 * `stop` closes the database too.
 */
export function openSqlArchive(
  unscoped: Kysely<Database>,
  { namespace, soleUser, memberships: before, onProgress, analyticsDb }: SqlArchiveOptions,
): SqlArchive {
  const db = unscoped.withSchema(namespace);
  const reads = createSqlReads(db);
  const keys = createSqlKeyStore(db);
  const histories = createSqlHistories(db, onProgress);
  const audit = createSqlAudit(db, onProgress);
  const forAnalytics = (analyticsDb ?? unscoped).withSchema(namespace);
  const analytics = createSqlAnalytics(forAnalytics, namespace);
  const heldPlaces = createSqlHeldPlaces(forAnalytics);
  const deletions = createSqlDeletions(db);
  const compaction = createSqlCompaction(db);
  const memberships = createLogMemberships(db, soleUser, before);

  const commitStored: SqlArchive['commitStored'] = async (parts) => {
    const moved = await commitParts(db, parts);
    const others = parts.filter((part) => !moved.has(part.campaignId)).map((part) => part.campaignId);
    const found = new Map(
      others.length > 0 ? (await reads.heads(others)).map(({ campaignId, head }) => [campaignId, head]) : [],
    );
    return parts.map(({ campaignId, expected, entries }): CommitOutcome => {
      if (moved.has(campaignId)) return { campaignId, kind: 'committed' };
      const head = found.get(campaignId);
      const confirmed = entries.length === 0 && head?.epoch === expected.epoch && head.version === expected.version;
      return confirmed ? { campaignId, kind: 'committed' } : { campaignId, kind: 'conflict', head };
    });
  };

  const ping = async (): Promise<void> => {
    await sql`select 1`.execute(db);
  };

  const inFlight = new Set<Promise<unknown>>();

  const stop: Archive['stop'] = async ({ clean }) => {
    try {
      await Promise.allSettled(inFlight);
      if (clean) await memberships.leaveAll();
    } finally {
      await Promise.all([db.destroy(), analyticsDb?.destroy()]);
    }
  };

  let stopping: Promise<void> | undefined;
  /**
   * The same call, but it rejects with an `ArchiveError`; a stop waits for earlier calls, and later ones are rejected.
   */
  const guarded = <A extends unknown[], T>(call: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) => {
    return (...args) => {
      if (stopping) return Promise.reject(new ArchiveError('stopped', 'The archive has been stopped.'));
      const answer = call(...args)
        .catch(rethrow)
        .finally(() => inFlight.delete(answer));
      inFlight.add(answer);
      return answer;
    };
  };

  return {
    load: guarded(reads.load),
    create: guarded((campaignId, first, state) => createCampaign(db, campaignId, first, state)),
    commit: guarded((parts) => commitStored(parts.map((part) => ({ ...part, state: toStoredState(part.state) })))),
    commitStored: guarded(commitStored),
    enterLog: guarded(memberships.enterLog),
    leaveLog: guarded(memberships.leaveLog),
    remove: guarded(deletions.remove),
    removeRows: guarded(deletions.removeRows),
    completeDeletion: guarded(deletions.completeDeletion),
    openDeletions: guarded(deletions.openDeletions),
    findDeletion: guarded(deletions.findDeletion),
    heads: guarded(reads.heads),
    findMutation: guarded(reads.findMutation),
    history: guarded(reads.history),
    stateAt: guarded(reads.stateAt),
    versionAt: guarded(reads.versionAt),
    list: guarded(reads.list),
    count: guarded(reads.count),
    insertKey: guarded(keys.insertKey),
    insertPreview: guarded(keys.insertPreview),
    listKeys: guarded(keys.listKeys),
    listPreviews: guarded(keys.listPreviews),
    findKeys: guarded(keys.findKeys),
    revokeKey: guarded(keys.revokeKey),
    markKeysUsed: guarded(keys.markKeysUsed),
    countHistories: guarded(histories.countHistories),
    readHeads: guarded(histories.readHeads),
    readHistories: guarded(histories.readHistories),
    readEntries: guarded(histories.readEntries),
    readCheckpoints: guarded(histories.readCheckpoints),
    findEntries: guarded(audit.findEntries),
    appendEvents: guarded(audit.appendEvents),
    readEvents: guarded(audit.readEvents),
    newestEvents: guarded(audit.newestEvents),
    unsignedHeads: guarded(audit.unsignedHeads),
    lastStatement: guarded(audit.lastStatement),
    appendStatement: guarded(audit.appendStatement),
    readStatements: guarded(audit.readStatements),
    redact: guarded(audit.redact),
    redactionsAfter: guarded(audit.redactionsAfter),
    markForgotten: guarded(audit.markForgotten),
    recordEvents: guarded(analytics.recordEvents),
    countUnits: guarded(analytics.countUnits),
    sumMetric: guarded(analytics.sumMetric),
    readSpan: guarded(analytics.readSpan),
    readProgress: guarded(analytics.readProgress),
    readTimeline: guarded(analytics.readTimeline),
    recordViewers: guarded(analytics.recordViewers),
    readPaints: guarded(analytics.readPaints),
    campaignSalt: guarded(analytics.campaignSalt),
    forgetUnits: guarded(analytics.forgetUnits),
    forgetCampaign: guarded(analytics.forgetCampaign),
    listPhases: guarded(analytics.listPhases),
    markPhases: guarded(analytics.markPhases),
    sweepAnalytics: guarded(analytics.sweepAnalytics),
    holdPlaces: guarded(heldPlaces.holdPlaces),
    findHeldPlaces: guarded(heldPlaces.findHeldPlaces),
    listHeldLines: guarded(heldPlaces.listHeldLines),
    markHeldLines: guarded(heldPlaces.markHeldLines),
    sweepHeldPlaces: guarded(heldPlaces.sweepHeldPlaces),
    claimCompaction: guarded(compaction.claimCompaction),
    findCompactable: guarded(compaction.findCompactable),
    setBase: guarded(compaction.setBase),
    deleteCompacted: guarded(compaction.deleteCompacted),
    findKeep: guarded(compaction.findKeep),
    setKeep: guarded(compaction.setKeep),
    mayCompact: guarded(compaction.mayCompact),
    orphans: guarded(histories.orphans),
    beginRestore: guarded(histories.beginRestore),
    stage: guarded(histories.stage),
    adopt: guarded(histories.adopt),
    endRestore: guarded(histories.endRestore),
    endStaleRestores: guarded(histories.endStaleRestores),
    claimSnapshot: guarded(histories.claimSnapshot),
    releaseSnapshot: guarded(histories.releaseSnapshot),
    lastSnapshot: guarded(histories.lastSnapshot),
    ping: guarded(ping),
    stop: (how) => (stopping ??= stop(how).catch(rethrow)),
  };
}

function rethrow(error: unknown): never {
  throw toArchiveError(error);
}
