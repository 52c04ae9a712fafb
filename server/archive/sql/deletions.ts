import { sql, type Kysely } from 'kysely';
import type { Archive } from '../../engine/ports.ts';
import { deletionEvent, type Deletion } from '../../core/deletion.ts';
import { dropPreviewsIn } from './access-keys.ts';
import { appendEventsIn } from './audit.ts';
import { deleteOldest, isAnyOf } from './rows.ts';
import type { Database } from './schema.ts';

/** The archive's part in deleting campaigns. */
export type SqlDeletions = Pick<
  Archive,
  'remove' | 'removeRows' | 'completeDeletion' | 'openDeletions' | 'findDeletion'
>;

/** Entries that one statement deletes: each has to end soon, as commits may wait for it. */
const ENTRIES_AT_ONCE = 1_000;
/** Checkpoints, likewise: each can be as large as a document. */
const CHECKPOINTS_AT_ONCE = 100;
/** Tables of which a campaign may have many rows. */
const TABLES_OF_UNITS = [
  'analytics_exposures',
  'analytics_goals',
  'analytics_paints',
  'analytics_viewers',
  'analytics_minutes',
  'held_places',
] as const;
const OPEN_AT_ONCE = 100;
/** Audit events that are kept, the newest. */
const KEPT_EVENTS = 100_000;

/**
 * Deletes in two steps. First the campaign's row goes, in the transaction that records the deletion: from then on there
 * is no such campaign. Then its other rows go, in parts. As long as the record is not complete nothing begins under its
 * id, so that each part can be done by any instance, and again: what it deletes is never a later campaign's.
 */
export function createSqlDeletions(db: Kysely<Database>): SqlDeletions {
  const remove: Archive['remove'] = (deletion) =>
    db.transaction().execute(async (transaction) => {
      const { campaignId, head, generation } = deletion;
      const removed = await transaction
        .deleteFrom('campaigns')
        .where('id', '=', campaignId)
        .where('epoch', '=', head.epoch)
        .where('version', '=', head.version)
        .where('tail', '=', head.tail)
        .where('log_generation', '=', generation)
        .where('archived_at', 'is not', null)
        .returning('id')
        .execute();
      if (removed.length === 0) return false;
      await transaction
        .insertInto('deletions')
        .values({
          campaign_id: campaignId,
          deleted_at: deletion.at,
          deleted_by: deletion.by,
          epoch: head.epoch,
          deletion: JSON.stringify(deletion),
          generation,
          complete: false,
        })
        .execute();
      // Its id becomes free: a link of before must not open another campaign.
      await dropPreviewsIn(transaction, campaignId);
      await appendEventsIn(transaction, [deletionEvent(deletion)], KEPT_EVENTS);
      return true;
    });

  const removeRows: Archive['removeRows'] = (campaignId) =>
    db.transaction().execute(async (transaction) => {
      // Held until the end: a deletion that is completed meanwhile waits, and so does a creation for that.
      const open = await transaction
        .selectFrom('deletions')
        .where('campaign_id', '=', campaignId)
        .where('complete', '=', false)
        .select('epoch')
        .forUpdate()
        .execute();
      if (open.length === 0) return false;
      if ((await deleteOldest(transaction, 'entries', { campaignId, limit: ENTRIES_AT_ONCE })) > 0) return true;
      if ((await deleteOldest(transaction, 'checkpoints', { campaignId, limit: CHECKPOINTS_AT_ONCE })) > 0) return true;
      for (const table of TABLES_OF_UNITS) {
        const units = await transaction
          .deleteFrom(table)
          .where('campaign_id', '=', campaignId)
          .where((row) =>
            row(
              sql<string>`ctid`,
              'in',
              row
                .selectFrom(table)
                .where('campaign_id', '=', campaignId)
                .limit(ENTRIES_AT_ONCE)
                .select(sql<string>`ctid`.as('ctid')),
            ),
          )
          .executeTakeFirst();
        if (units.numDeletedRows > 0n) return true;
      }
      // What was redacted is known for ever: a snapshot of before may bring the entries back.
      await transaction
        .updateTable('redactions')
        .set({ through: 0, forgotten: true })
        .where('campaign_id', '=', campaignId)
        .execute();
      for (const table of [
        'epochs',
        'history_bases',
        'history_keeps',
        'audit_signed',
        'analytics_phases',
        'analytics_salts',
        'held_lines',
        'staged_parts',
        'staged_checkpoints',
        'restored_campaigns',
      ] as const)
        await transaction.deleteFrom(table).where('campaign_id', '=', campaignId).execute();
      return false;
    });

  const completeDeletion: Archive['completeDeletion'] = async (campaignId) => {
    await db
      .updateTable('deletions')
      .set({ complete: true })
      .where('campaign_id', '=', campaignId)
      .where('complete', '=', false)
      .execute();
  };

  const openDeletions: Archive['openDeletions'] = async () => {
    const rows = await db
      .selectFrom('deletions')
      .where('complete', '=', sql.lit(false))
      .orderBy('ordinal')
      .limit(OPEN_AT_ONCE)
      .select('deletion')
      .execute();
    return rows.map(toDeletion);
  };

  const findDeletion: Archive['findDeletion'] = async (campaignId) => {
    const row = await db
      .selectFrom('deletions')
      .where('campaign_id', '=', campaignId)
      .orderBy('ordinal', 'desc')
      .limit(1)
      .select('deletion')
      .executeTakeFirst();
    return row && toDeletion(row);
  };

  return { remove, removeRows, completeDeletion, openDeletions, findDeletion };
}

/** A deletion from its row. */
export function toDeletion(row: { readonly deletion: string }): Deletion {
  return JSON.parse(row.deletion);
}

/** One of these ids under which a deletion is not complete. */
export async function findOpenDeletion(db: Kysely<Database>, ids: readonly string[]): Promise<string | undefined> {
  const open = await db
    .selectFrom('deletions')
    .where(isAnyOf('campaign_id', ids))
    .where('complete', '=', false)
    .select('campaign_id')
    .limit(1)
    .executeTakeFirst();
  return open?.campaign_id;
}

/** The generations above which the log memberships of these campaigns begin, of those that were deleted before. */
export async function lastGenerations(
  db: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('deletions')
    .where(isAnyOf('campaign_id', ids))
    .groupBy('campaign_id')
    .select(({ fn }) => ['campaign_id', fn.max('generation').as('generation')])
    .execute();
  return new Map(rows.map((row) => [row.campaign_id, row.generation]));
}

/**
 * Those of these campaigns that were deleted, and are not there again. The rows of the others are locked until the
 * transaction ends, so that what it writes of them is there when they are deleted.
 */
export async function findDeleted(db: Kysely<Database>, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('campaigns')
    .where(isAnyOf('id', ids))
    .orderBy('id')
    .select('id')
    .forKeyShare()
    .execute();
  const present = new Set(rows.map(({ id }) => id));
  const missing = ids.filter((id) => !present.has(id));
  if (missing.length === 0) return new Set();
  const deleted = await db
    .selectFrom('deletions')
    .where(isAnyOf('campaign_id', missing))
    .select('campaign_id')
    .distinct()
    .execute();
  return new Set(deleted.map((row) => row.campaign_id));
}
