import { sql, type Kysely } from 'kysely';

/**
 * Creates the record of deleted campaigns: one row for each, which stays, and says until when rows of the campaign may
 * be left. Few are open at a time, so that these have an index of their own.
 */
export async function createDeletionTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);

  await schema
    .createTable('deletions')
    .addColumn('ordinal', 'bigint', (column) => column.generatedAlwaysAsIdentity().notNull())
    .addColumn('campaign_id', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('deleted_at', 'bigint', (column) => column.notNull())
    .addColumn('deleted_by', 'text', (column) => column.notNull())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('deletion', 'text', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('complete', 'boolean', (column) => column.notNull())
    .addPrimaryKeyConstraint('deletions_pkey', ['campaign_id', 'epoch'])
    .execute();

  await schema
    .createIndex('deletions_open')
    .on('deletions')
    .column('ordinal')
    .where(sql.ref('complete'), '=', sql.lit(false))
    .execute();
}
