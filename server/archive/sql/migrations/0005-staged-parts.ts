import { sql, type Kysely } from 'kysely';

/**
 * Creates the table in which restores stage entries by the part, as JSON, in place of the one that had a row for each:
 * an entry is then written as a row only once, where it stays.
 *
 * The earlier table goes, though instances of before may be there still: what they stage is no history yet, and nothing
 * released has it.
 */
export async function createStagedParts(db: Kysely<unknown>, namespace: string): Promise<void> {
  await sql`create unlogged table ${sql.id(namespace, 'staged_parts')} (
    restore_id text not null,
    campaign_id text collate "C" not null,
    from_version bigint not null,
    count integer not null,
    entries json not null,
    primary key (restore_id, campaign_id, from_version)
  )`.execute(db);
  // Faster than the default, and not built into every Postgres.
  await sql`do $$ begin
    alter table ${sql.id(namespace, 'staged_parts')} alter column entries set compression lz4;
  exception when feature_not_supported then null;
  end $$`.execute(db);
  await db.schema.withSchema(namespace).dropTable('staged_entries').execute();
}
