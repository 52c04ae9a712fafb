import { sql, type Kysely } from 'kysely';

/**
 * Adds whether what a restore has staged was dropped, because something of it was redacted. An instance of before does
 * not look at it, nor at redactions, when it adopts.
 */
export async function addDroppedRestores(db: Kysely<unknown>, namespace: string): Promise<void> {
  await db.schema
    .withSchema(namespace)
    .alterTable('restores')
    .addColumn('dropped', 'boolean', (column) => column.notNull().defaultTo(sql.lit(false)))
    .execute();
}
