import { sql, type Kysely } from 'kysely';
import type { Database } from '../sql/schema.ts';
import type { PackedCommit } from './worker-messages.ts';

/** How much committed text, about, lets the files grow until they are tidied. */
const TIDY_EVERY = 32 * 1024 * 1024;

/**
 * What Postgres' background processes do, which PGlite does not have: without a checkpoint the write-ahead log grows
 * for as long as the process lives, and all of it is replayed after a crash; without a vacuum every old state stays in
 * the table's files.
 *
 * @returns what to call after each commit
 */
export function createUpkeep(
  db: Kysely<Database>,
  namespace: string,
  tidyEvery = TIDY_EVERY,
): (parts: readonly PackedCommit[]) => Promise<void> {
  let written = 0;
  return async (parts) => {
    written += parts.reduce((sum, part) => sum + charactersOf(part), 0);
    if (written < tidyEvery) return;
    written = 0;
    try {
      await sql`vacuum ${sql.id(namespace, 'campaigns')}`.execute(db);
      await sql`checkpoint`.execute(db);
    } catch {
      // It has harmed nothing, and is tried again after as much text; a full disk fails the commits too, and those are
      // heard.
    }
  };
}

function charactersOf({ entries, state }: PackedCommit): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, state.length);
}
