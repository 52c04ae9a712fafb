import { sql, type Kysely } from 'kysely';
import type { HistoryStore, StoredCheckpoint, StoredEntry } from '../../../core/history-store.ts';
import { isAnyOf, recordset } from '../rows.ts';
import type { Database } from '../schema.ts';

/** An entry within a part. */
export interface StagedEntry {
  readonly version: number;
  readonly epoch: string;
  readonly type: string;
  readonly at: number;
  readonly mutationId: string | null;
  /** As a string, because the hashes are over its very bytes. */
  readonly bytes: string;
  readonly tail: string;
}

interface StagedPart {
  readonly campaignId: string;
  readonly fromVersion: number;
  count: number;
  readonly entries: StagedEntry[];
}

/** The staging of restores: what they have read, until it is adopted (`adoption.ts`). */
export function createSqlStaging(
  db: Kysely<Database>,
): Pick<HistoryStore, 'beginRestore' | 'stage' | 'endRestore' | 'endStaleRestores'> {
  const endRestores = (restoreIds: readonly string[]): Promise<void> =>
    db.transaction().execute((transaction) => endIn(transaction, restoreIds));

  const dropStale = (staleAt: number, except?: string): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      const stale = await lockUntouched(transaction, staleAt);
      const ids = stale.filter(({ id, dropped }) => !dropped && id !== except).map(({ id }) => id);
      if (ids.length === 0) return;
      await transaction.updateTable('restores').set({ dropped: true }).where(isAnyOf('id', ids)).execute();
      await dropStaged(transaction, ids);
    });

  const forget = (forgetAt: number): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      const forgotten = await lockUntouched(transaction, forgetAt);
      await endIn(
        transaction,
        forgotten.map(({ id }) => id),
      );
    });

  const beginRestore: HistoryStore['beginRestore'] = async (restoreId, now, staleAt) => {
    await dropStale(staleAt, restoreId);
    await db.transaction().execute(async (transaction) => {
      // Its row is locked: what is being adopted for it comes before, and what comes after finds nothing staged.
      await transaction
        .insertInto('restores')
        .values({ id: restoreId, touched_at: now, dropped: false })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ touched_at: now, dropped: false }))
        .execute();
      await dropStaged(transaction, [restoreId]);
    });
    const done = await db
      .selectFrom('restored_campaigns')
      .where('restore_id', '=', restoreId)
      .select('campaign_id')
      .execute();
    return done.map((row) => row.campaign_id);
  };

  const stage: HistoryStore['stage'] = (restoreId, entries, checkpoints, now) =>
    db.transaction().execute(async (transaction) => {
      // Its row is locked: a redaction, which drops what is staged of its entry, sees this or comes before.
      const open = await transaction
        .updateTable('restores')
        .set({ touched_at: now })
        .where('id', '=', restoreId)
        .where('dropped', '=', false)
        .returning('id')
        .execute();
      if (open.length === 0) return false;
      if (entries.length > 0) await stageEntries(transaction, restoreId, entries);
      if (checkpoints.length > 0) await stageCheckpoints(transaction, restoreId, checkpoints);
      return true;
    });

  return {
    beginRestore,
    stage,
    endRestore: (restoreId) => endRestores([restoreId]),
    async endStaleRestores(staleAt, forgetAt) {
      await dropStale(staleAt);
      await forget(forgetAt);
    },
  };
}

/** Whether what a restore has staged is gone: it has been dropped, or ended. */
export async function isDropped(db: Kysely<Database>, restoreId: string): Promise<boolean> {
  const row = await db.selectFrom('restores').where('id', '=', restoreId).select('dropped').executeTakeFirst();
  return row?.dropped !== false;
}

/**
 * Keeps what a restore has staged until the transaction ends. Its row is locked behind those of campaigns, as
 * redactions lock them, and shared: several adoptions of one restore run at once.
 *
 * @returns false where it has been dropped, or ended
 */
export async function keepStaged(db: Kysely<Database>, restoreId: string): Promise<boolean> {
  const row = await db
    .selectFrom('restores')
    .where('id', '=', restoreId)
    .where('dropped', '=', false)
    .select('id')
    .forShare()
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Drops what restores have staged that have staged an entry, as something of it is redacted; they have to begin again.
 * All of theirs: their checkpoints hold the value too.
 */
export async function dropStagedWith(db: Kysely<Database>, version: number, tail: string): Promise<void> {
  // All are locked, so that what is just being staged is seen. Later parts of one that is not found yet are staged, and
  // refused when they are to be adopted.
  await db.selectFrom('restores').orderBy('id').select('id').forUpdate().execute();
  const found = await db
    .selectFrom('staged_parts')
    .where('from_version', '<=', version)
    .where(sql<boolean>`from_version + count > ${version}::bigint`)
    .where(sql<boolean>`position(${tail} in entries::text) > 0`)
    .select('restore_id')
    .distinct()
    .execute();
  const ids = found.map((row) => row.restore_id);
  if (ids.length === 0) return;
  await db.updateTable('restores').set({ dropped: true }).where(isAnyOf('id', ids)).execute();
  await dropStaged(db, ids);
}

/**
 * The restores for which nothing came since a time. Their rows are locked, but for those that somebody else has locked:
 * there is something going on.
 */
function lockUntouched(db: Kysely<Database>, since: number) {
  return db
    .selectFrom('restores')
    .where('touched_at', '<', since)
    .orderBy('id')
    .select(['id', 'dropped'])
    .forUpdate()
    .skipLocked()
    .execute();
}

/** Ends restores, and drops all that is known of them. */
async function endIn(db: Kysely<Database>, restoreIds: readonly string[]): Promise<void> {
  if (restoreIds.length === 0) return;
  // First, as what is being staged locks it: then nothing is staged for it any more.
  await db.deleteFrom('restores').where(isAnyOf('id', restoreIds)).execute();
  await dropStaged(db, restoreIds);
  await db.deleteFrom('restored_campaigns').where(isAnyOf('restore_id', restoreIds)).execute();
}

async function dropStaged(db: Kysely<Database>, restoreIds: readonly string[]): Promise<void> {
  for (const table of ['staged_parts', 'staged_checkpoints'] as const)
    await db.deleteFrom(table).where(isAnyOf('restore_id', restoreIds)).execute();
}

async function stageEntries(db: Kysely<Database>, restoreId: string, entries: readonly StoredEntry[]): Promise<void> {
  const rows = recordset(
    partsOf(entries),
    sql`"row"("campaignId" text, "fromVersion" bigint, count integer, entries json)`,
  );
  await db
    .insertInto('staged_parts')
    .columns(['restore_id', 'campaign_id', 'from_version', 'count', 'entries'])
    .expression((query) =>
      query
        .selectFrom(rows)
        .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'campaignId'])
        .select(['fromVersion', 'count', sql<string>`entries`.as('entries')]),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['restore_id', 'campaign_id', 'from_version'])
        .doUpdateSet({ count: sql<number>`excluded.count`, entries: sql<string>`excluded.entries` }),
    )
    .execute();
}

async function stageCheckpoints(
  db: Kysely<Database>,
  restoreId: string,
  checkpoints: readonly StoredCheckpoint[],
): Promise<void> {
  const rows = recordset<StoredCheckpoint>(checkpoints, sql`"row"("campaignId" text, version bigint, state text)`);
  await db
    .insertInto('staged_checkpoints')
    .columns(['restore_id', 'campaign_id', 'version', 'state'])
    .expression((query) =>
      query
        .selectFrom(rows)
        .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'campaignId', 'version'])
        .select(sql<string>`state::json`.as('state')),
    )
    .onConflict((conflict) =>
      conflict.columns(['restore_id', 'campaign_id', 'version']).doUpdateSet({ state: sql<string>`excluded.state` }),
    )
    .execute();
}

/** Neighbours of one campaign, each as one row. */
function partsOf(entries: readonly StoredEntry[]): StagedPart[] {
  const parts: StagedPart[] = [];
  for (const { campaignId, ...entry } of entries) {
    const last = parts.at(-1);
    if (last?.campaignId === campaignId) {
      last.entries.push(entry);
      last.count += 1;
    } else parts.push({ campaignId, fromVersion: entry.version, count: 1, entries: [entry] });
  }
  return parts;
}
