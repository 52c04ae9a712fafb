import { sql, type Kysely } from 'kysely';
import type { Database } from '../sql/schema.ts';
import type { PackedCommit } from './worker-messages.ts';

/** Characters of committed text, about, between two runs. */
const UPKEEP_INTERVAL_CHARACTERS = 32 * 1024 * 1024;

/**
 * Vacuum and checkpoint, for which PGlite has no background processes: without a checkpoint the write-ahead log grows
 * for as long as the process lives, and all of it is replayed after a crash; without a vacuum every old state stays in
 * the table's files.
 *
 * @returns a function to call after each commit
 */
export function createUpkeep(
  db: Kysely<Database>,
  namespace: string,
  intervalCharacters = UPKEEP_INTERVAL_CHARACTERS,
): (parts: readonly PackedCommit[]) => Promise<void> {
  let written = 0;
  return async (parts) => {
    written += parts.reduce((sum, part) => sum + charactersOf(part), 0);
    if (written < intervalCharacters) return;
    written = 0;
    try {
      await sql`vacuum ${sql.id(namespace, 'campaigns')}`.execute(db);
      await sql`checkpoint`.execute(db);
    } catch {
      // Nothing was harmed, and it is tried again after as much text; a full disk fails the commits too, and these are
      // reported.
    }
  };
}

function charactersOf({ entries, state }: PackedCommit): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, state.length);
}
