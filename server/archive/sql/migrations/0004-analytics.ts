import { sql, type Kysely } from 'kysely';

/**
 * Creates the tables of analytics. What is read together stands together: the units of a phase, and the goals of a
 * unit. Nothing refers to campaigns, so that events wait for no row of theirs.
 */
export async function createAnalyticsTables(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  const id = sql`text collate "C"`;

  await schema
    .createTable('analytics_exposures')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('rule', id, (column) => column.notNull())
    .addColumn('phase', 'integer', (column) => column.notNull())
    .addColumn('unit', id, (column) => column.notNull())
    .addColumn('verified', 'boolean', (column) => column.notNull())
    .addColumn('arm', id, (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('epoch', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('split', 'text', (column) => column.notNull())
    .addColumn('multiple', 'boolean', (column) => column.notNull())
    .addPrimaryKeyConstraint('analytics_exposures_pkey', ['campaign_id', 'rule', 'phase', 'unit', 'verified'])
    .execute();
  await schema
    .createIndex('analytics_exposures_unit')
    .on('analytics_exposures')
    .columns(['campaign_id', 'unit'])
    .execute();
  await schema.createIndex('analytics_exposures_at').on('analytics_exposures').columns(['campaign_id', 'at']).execute();

  await schema
    .createTable('analytics_goals')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('unit', id, (column) => column.notNull())
    .addColumn('goal', id, (column) => column.notNull())
    .addColumn('id', id, (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('epoch', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('analytics_goals_pkey', ['campaign_id', 'goal', 'unit', 'id'])
    .execute();
  await schema.createIndex('analytics_goals_at').on('analytics_goals').columns(['campaign_id', 'at']).execute();

  await schema
    .createTable('analytics_paints')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('epoch', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('page', id, (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('delay_ms', 'bigint', (column) => column.notNull())
    .addColumn('share', 'double precision', (column) => column.notNull())
    .addPrimaryKeyConstraint('analytics_paints_pkey', ['campaign_id', 'epoch', 'version', 'page'])
    .execute();

  await schema
    .createTable('analytics_viewers')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('minute', 'bigint', (column) => column.notNull())
    .addColumn('instance', id, (column) => column.notNull())
    .addColumn('epoch', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('viewers', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('analytics_viewers_pkey', ['campaign_id', 'minute', 'instance'])
    .execute();

  await schema
    .createTable('analytics_minutes')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('minute', 'bigint', (column) => column.notNull())
    .addColumn('epoch', id, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('kind', id, (column) => column.notNull())
    .addColumn('name', id, (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('analytics_minutes_pkey', ['campaign_id', 'minute', 'epoch', 'version', 'kind', 'name'])
    .execute();

  await schema
    .createTable('analytics_phases')
    .addColumn('campaign_id', id, (column) => column.notNull())
    .addColumn('rule', id, (column) => column.notNull())
    .addColumn('phase', 'integer', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addPrimaryKeyConstraint('analytics_phases_pkey', ['campaign_id', 'rule', 'phase'])
    .execute();

  await schema
    .createTable('analytics_salts')
    .addColumn('campaign_id', id, (column) => column.primaryKey())
    .addColumn('salt', 'text', (column) => column.notNull())
    .execute();
}
