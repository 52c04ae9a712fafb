import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Database } from './schema.ts';

/**
 * With a log in process, entries are accepted and shown before they are durable: after a crash some were seen by clients and are gone,
 * and their versions will be given to others. So every start that does not follow on a clean stop is a new incarnation, and a
 * campaign that was last confirmed under another one gets a new epoch at its first load: old positions beyond what is stored are
 * then known to be on another line.
 *
 * Two rows of `meta`: `incarnation`, and `clean_stop`, which names the incarnation that ended cleanly and is there only while
 * nothing is open. Naming it means that a process that was overtaken cannot sign for its successor.
 */
const INCARNATION = 'incarnation';
const CLEAN_STOP = 'clean_stop';

/** A token that no other start or fork will draw: 72 random bits, URL-safe. */
export function randomToken(): string {
  return randomBytes(9).toString('base64url');
}

/** Opens: the stored incarnation after a clean stop, else a new one. From here on until {@link endIncarnation} the start is unclean. */
export async function beginIncarnation(db: Kysely<Database>, token: () => string): Promise<string> {
  return await db.transaction().execute(async (transaction) => {
    const rows = await transaction.selectFrom('meta').selectAll().where('key', 'in', [INCARNATION, CLEAN_STOP]).execute();
    const stored = new Map(rows.map(({ key, value }) => [key, value]));
    const last = stored.get(INCARNATION);
    await transaction.deleteFrom('meta').where('key', '=', CLEAN_STOP).execute();
    if (last !== undefined && stored.get(CLEAN_STOP) === last) return last;
    const incarnation = token();
    await transaction
      .insertInto('meta')
      .values({ key: INCARNATION, value: incarnation })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: incarnation }))
      .execute();
    return incarnation;
  });
}

/** Closes cleanly: everything accepted is stored. Without effect where another incarnation has begun since. */
export async function endIncarnation(db: Kysely<Database>, incarnation: string): Promise<void> {
  await db
    .insertInto('meta')
    .columns(['key', 'value'])
    .expression((query) =>
      query
        .selectFrom('meta as current')
        .select((row) => [row.val(CLEAN_STOP).as('key'), 'current.value'])
        .where('current.key', '=', INCARNATION)
        .where('current.value', '=', incarnation),
    )
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: incarnation }))
    .execute();
}

/** With a log outside the process the log decides about epochs; a later start with a log in process must not trust a clean stop from before. */
export async function forgetCleanStop(db: Kysely<Database>): Promise<void> {
  await db.deleteFrom('meta').where('key', '=', CLEAN_STOP).execute();
}
