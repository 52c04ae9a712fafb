import { sql, type Kysely } from 'kysely';
import type { Database } from '../schema.ts';

/** The timeline counts by the minute. */
export const MINUTE_MS = 60_000;

/**
 * Runs a statement that joins units with their goals. Tables that have grown since they were analysed, or never were,
 * look small to the database: by nested loops it would read all goals for each unit, which takes minutes where a hash
 * takes a moment.
 */
export function joinedByHash<T>(db: Kysely<Database>, run: (transaction: Kysely<Database>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (transaction) => {
    await sql`set local enable_nestloop = off`.execute(transaction);
    return run(transaction);
  });
}
