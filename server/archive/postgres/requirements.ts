import { sql, type Kysely } from 'kysely';
import { ArchiveError } from '../errors.ts';
import type { Database } from '../sql/schema.ts';

/** What is asked of the server behind `DATABASE_URL`. */
export interface PostgresServer {
  /** `server_version_num`, such as 150004. */
  version: number;
  /** `server_version`, as people write it. */
  name: string;
  encoding: string;
  synchronousCommit: string;
}

/** Why that server will not do, in one sentence; `undefined` where it will. */
export function explainUnfit({ version, name, encoding, synchronousCommit }: PostgresServer): string | undefined {
  if (version < 150_000) return `DATABASE_URL names a Postgres ${name}; 15 or newer is needed.`;
  if (encoding !== 'UTF8') return `DATABASE_URL names a database in the encoding ${encoding}; UTF8 is needed.`;
  if (synchronousCommit === 'off') {
    return 'DATABASE_URL names a database with synchronous_commit off, which acknowledges what a crash can lose; turn it on.';
  }
  return undefined;
}

/** @throws ArchiveError `failed`, with the sentence of {@link explainUnfit} */
export async function requireFit(db: Kysely<Database>): Promise<void> {
  const { rows } = await sql<PostgresServer>`
    select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
      current_setting('server_encoding') as encoding, current_setting('synchronous_commit') as "synchronousCommit"`.execute(
    db,
  );
  const unfit = rows[0] && explainUnfit(rows[0]);
  if (unfit !== undefined) throw new ArchiveError('failed', unfit);
}
