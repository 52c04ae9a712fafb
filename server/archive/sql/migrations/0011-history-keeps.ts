import { sql, type Kysely } from 'kysely';

/** Creates the table of what is kept of single histories, in place of what is kept of all. */
export async function createHistoryKeeps(db: Kysely<unknown>, namespace: string): Promise<void> {
  await db.schema
    .withSchema(namespace)
    .createTable('history_keeps')
    .addColumn('campaign_id', sql`text collate "C"`, (column) => column.primaryKey())
    /** Where neither is there, everything is kept. */
    .addColumn('versions', 'bigint')
    .addColumn('age_ms', 'bigint')
    .execute();
}
