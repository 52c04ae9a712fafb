import { sql, type Kysely } from 'kysely';

/**
 * Creates the row by which one instance takes the periodic snapshot, and the tables in which restores are staged:
 * `restores` and what each has adopted, its entries and checkpoints. The staged rows are unlogged where the database
 * knows that: after a crash they are staged again.
 */
export async function createRestoreTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  const id = sql`text collate "C"`;

  await schema
    .createTable('restores')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('touched_at', 'bigint', (column) => column.notNull())
    .execute();

  await schema
    .createTable('restored_campaigns')
    .addColumn('restore_id', 'text', (column) => column.notNull())
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addPrimaryKeyConstraint('restored_campaigns_pkey', ['restore_id', 'campaign_id'])
    .execute();

  await schema
    .createTable('snapshot_schedule')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text')
    .addColumn('held_until', 'bigint', (column) => column.notNull())
    .addColumn('saved_at', 'bigint', (column) => column.notNull())
    .addColumn('run', 'text')
    .execute();

  await sql`create unlogged table ${sql.id(namespace, 'staged_entries')} (
    restore_id text not null,
    campaign_id text collate "C" not null,
    version bigint not null,
    epoch text not null,
    type text not null,
    at bigint not null,
    mutation_id text collate "C",
    bytes json not null,
    tail text not null,
    primary key (restore_id, campaign_id, version)
  )`.execute(db);

  await sql`create unlogged table ${sql.id(namespace, 'staged_checkpoints')} (
    restore_id text not null,
    campaign_id text collate "C" not null,
    version bigint not null,
    state json not null,
    primary key (restore_id, campaign_id, version)
  )`.execute(db);
}
