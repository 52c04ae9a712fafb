import { sql, type Kysely } from 'kysely';
import type { Database } from '../sql/schema.ts';

/** Characters of written text, about, between two runs. */
const UPKEEP_INTERVAL_CHARACTERS = 32 * 1024 * 1024;

/**
 * Vacuum and checkpoint, for which PGlite has no background processes: without a checkpoint the write-ahead log grows
 * for as long as the process lives, and all of it is replayed after a crash; without a vacuum every old state stays in
 * the table's files.
 *
 * @returns a function to call after each write, with about how many characters were written
 */
export function createUpkeep(
  db: Kysely<Database>,
  namespace: string,
  intervalCharacters = UPKEEP_INTERVAL_CHARACTERS,
): (characters: number) => Promise<void> {
  let written = 0;
  return async (characters) => {
    written += characters;
    if (written < intervalCharacters) return;
    written = 0;
    try {
      for (const table of ['campaigns', 'analytics_exposures', 'analytics_goals', 'held_places'])
        await sql`vacuum ${sql.id(namespace, table)}`.execute(db);
      await sql`checkpoint`.execute(db);
    } catch {
      // Nothing was harmed, and it is tried again after as much text; a full disk fails the commits too, and these are
      // reported.
    }
  };
}
