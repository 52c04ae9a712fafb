import { sql, type Kysely } from 'kysely';

/**
 * Creates what the audit needs: an index by which entries of all campaigns are read in the order of their times (new
 * entries stand at its end, where an insertion costs least), the events beside them, and signed statements.
 */
export async function createAuditTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  const id = sql`text collate "C"`;

  await schema.createIndex('entries_at').on('entries').columns(['at', 'campaign_id', 'version']).execute();

  await schema
    .createTable('audit_events')
    .addColumn('position', 'bigint', (column) => column.primaryKey())
    .addColumn('bytes', 'json', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .execute();

  await schema
    .createTable('audit_head')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .execute();

  await schema
    .createTable('audit_statements')
    .addColumn('position', 'bigint', (column) => column.primaryKey())
    .addColumn('bytes', 'text', (column) => column.notNull())
    .addColumn('signature', 'text', (column) => column.notNull())
    .execute();

  await schema
    .createTable('audit_signed')
    .addColumn('campaign_id', id, (column) => column.primaryKey())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .execute();
}
