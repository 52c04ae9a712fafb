import { sql, type Kysely } from 'kysely';
import { ArchiveError } from '../errors.ts';
import type { Database } from '../sql/schema.ts';

/** The settings of the server behind `DATABASE_URL` that matter. */
export interface PostgresSettings {
  /** `server_version_num`, such as 150004. */
  readonly version: number;
  /** `server_version`, as people write it. */
  readonly name: string;
  readonly encoding: string;
  readonly synchronousCommit: string;
}

/** The requirement that a server does not meet, in one sentence; `undefined` where it meets all. */
export function unmetRequirement({ version, name, encoding, synchronousCommit }: PostgresSettings): string | undefined {
  if (version < 150_000) return `DATABASE_URL names a Postgres ${name}; 15 or newer is needed.`;
  if (encoding !== 'UTF8') return `DATABASE_URL names a database in the encoding ${encoding}; UTF8 is needed.`;
  if (synchronousCommit === 'off') {
    return 'DATABASE_URL names a database with synchronous_commit off, which acknowledges what a crash can lose; turn it on.';
  }
  return undefined;
}

/**
 * Checks version and settings of the server.
 *
 * @throws ArchiveError `failed`, with the sentence of {@link unmetRequirement}
 */
export async function checkPostgres(db: Kysely<Database>): Promise<void> {
  const { rows } = await sql<PostgresSettings>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
      current_setting('server_encoding') as encoding, current_setting('synchronous_commit') as "synchronousCommit"`.execute(
    db,
  );
  const unmet = rows[0] && unmetRequirement(rows[0]);
  if (unmet !== undefined) throw new ArchiveError('failed', unmet);
}
