import { sql, type Kysely } from 'kysely';

/**
 * Adds what lists filter by. The database makes both columns from the state, so that they are right after commits of
 * instances that do not know them; the table is written anew once, and locked meanwhile.
 */
export async function addListColumns(db: Kysely<unknown>, namespace: string): Promise<void> {
  await db.schema
    .withSchema(namespace)
    .alterTable('campaigns')
    .addColumn('owner', 'text', (column) => column.generatedAlwaysAs(sql`state ->> 'owner_id'`).stored())
    .addColumn('tags', 'text', (column) => column.generatedAlwaysAs(sql`state ->> 'tags'`).stored())
    .execute();
}
