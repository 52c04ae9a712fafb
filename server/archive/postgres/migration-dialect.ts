import { PostgresDialect, sql, type DatabaseIntrospector, type Kysely, type PostgresDialectConfig } from 'kysely';

/**
 * Postgres, for the migrations of one namespace. Kysely's own introspection looks at every column of every table of the
 * database to find two tables by their names: that takes long beside many others, and fails where anybody drops a
 * schema meanwhile.
 */
export class MigrationDialect extends PostgresDialect {
  readonly #namespace: string;

  constructor(config: PostgresDialectConfig, namespace: string) {
    super(config);
    this.#namespace = namespace;
  }

  override createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    const namespace = this.#namespace;
    return {
      async getSchemas() {
        const { rows } = await sql<{
          name: string;
        }>`select nspname as name from pg_catalog.pg_namespace where nspname = ${namespace}`.execute(db);
        return rows;
      },
      async getTables() {
        const { rows } = await sql<{
          name: string;
        }>`select c.relname as name from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where n.nspname = ${namespace} and c.relkind in ('r', 'p')`.execute(
          db,
        );
        return rows.map(({ name }) => ({ name, schema: namespace, isView: false, isForeign: false, columns: [] }));
      },
    };
  }
}
