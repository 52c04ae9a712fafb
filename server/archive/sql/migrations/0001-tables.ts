import { sql, type Kysely } from 'kysely';

/**
 * Creates the first tables. There are no foreign keys: the guarded writes insert campaigns and entries in one statement
 * and nothing deletes them, so that a check for each entry would only cost. Ids compare by their bytes (`"C"`), so that
 * pages come in the same order whatever the database's locale is.
 */
export async function createTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  const id = sql`text collate "C"`;

  await schema
    .createTable('campaigns')
    .addColumn('id', id, (column) => column.primaryKey())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .addColumn('state', 'json', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('status', 'text')
    .addColumn('archived_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_by', 'text', (column) => column.notNull())
    .addColumn('log_generation', 'bigint', (column) => column.notNull())
    .addColumn('log_active', 'boolean', (column) => column.notNull())
    .execute();

  await schema
    .createTable('entries')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('type', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('mutation_id', sql`text collate "C"`)
    .addColumn('bytes', 'json', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('entries_pkey', ['campaign_id', 'version'])
    .addUniqueConstraint('entries_mutation_key', ['campaign_id', 'mutation_id'])
    .execute();

  await schema
    .createTable('epochs')
    .addColumn('ordinal', 'bigint', (column) => column.generatedAlwaysAsIdentity().notNull())
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('epoch', 'text', (column) => column.notNull())
    .addColumn('parent', 'text', (column) => column.notNull())
    .addColumn('from_version', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('epochs_pkey', ['campaign_id', 'epoch'])
    .execute();

  await schema
    .createTable('checkpoints')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('state', 'json', (column) => column.notNull())
    .addPrimaryKeyConstraint('checkpoints_pkey', ['campaign_id', 'version'])
    .execute();

  await schema
    .createTable('access_keys')
    .addColumn('id', id, (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    .addColumn('grants', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('created_by', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .execute();
}
