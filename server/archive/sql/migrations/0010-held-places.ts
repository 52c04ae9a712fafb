import { sql, type Kysely } from 'kysely';

/**
 * Creates the tables of places that people keep over a login: one row for each unit and number line, by which they are
 * looked up with every join, and one for each line, with how many there are, so that their number is bounded without
 * counting them. Before there were any, nobody's place was held, and nothing is to be filled in.
 */
export async function createHeldPlaceTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  const id = sql`text collate "C"`;

  await schema
    .createTable('held_places')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('unit', id, (column) => column.notNull())
    .addColumn('line', id, (column) => column.notNull())
    .addColumn('bucket', 'integer', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('held_places_pkey', ['campaign_id', 'unit', 'line'])
    .execute();

  await schema
    .createTable('held_lines')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('line', id, (column) => column.notNull())
    .addColumn('places', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addPrimaryKeyConstraint('held_lines_pkey', ['campaign_id', 'line'])
    .execute();
}
