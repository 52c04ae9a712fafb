import { sql, type Kysely } from 'kysely';

/** Creates the table of what was redacted of entries. No value stands in it: places, and the hashes of what is left. */
export async function createRedactions(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  await schema
    .createTable('redactions')
    .addColumn('ordinal', 'bigint', (column) => column.primaryKey().generatedAlwaysAsIdentity())
    .addColumn('campaign_id', sql`text collate "C"`, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('tail', 'text', (column) => column.notNull())
    .addColumn('redaction', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull())
    /** The first version in which the value had gone anyway. */
    .addColumn('through', 'bigint', (column) => column.notNull())
    .addColumn('forgotten', 'boolean', (column) => column.notNull())
    .addUniqueConstraint('redactions_once', ['campaign_id', 'tail', 'redaction'])
    .execute();
}
