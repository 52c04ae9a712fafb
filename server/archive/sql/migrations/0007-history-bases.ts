import { sql, type Kysely } from 'kysely';

/** Creates the table of what compacted histories begin with: a checkpoint, and what else its entry has led to. */
export async function createHistoryBases(db: Kysely<unknown>, namespace: string): Promise<void> {
  await db.schema
    .withSchema(namespace)
    .createTable('history_bases')
    .addColumn('campaign_id', sql`text collate "C"`, (column) => column.primaryKey())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .addColumn('archived_at', 'bigint')
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_by', 'text', (column) => column.notNull())
    /** Whether rows before it may be left. */
    .addColumn('open', 'boolean', (column) => column.notNull())
    .execute();
}
