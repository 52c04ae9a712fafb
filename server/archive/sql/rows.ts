import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Database } from './schema.ts';

/** Rows that travel as one JSON text, whatever their number. */
export function recordset<T, A extends string = 'row'>(rows: readonly T[], definition: RawBuilder<unknown>) {
  return sql<T>`json_to_recordset(${JSON.stringify(rows)}::text::json)`.as<A>(definition);
}

/** Whether a column has one of these values; one statement for any number of them. */
export function isAnyOf(column: string, values: readonly string[]) {
  return sql<boolean>`${sql.ref(column)} = any(${[...values]}::text[])`;
}

/** The oldest rows of a campaign: how many at most, and up to which version. */
export interface OldestRows {
  readonly campaignId: string;
  readonly limit: number;
  /** Default: whatever their version. */
  readonly until?: number;
}

/**
 * Deletes the oldest rows of a campaign in one statement, which ends soon where the limit is low: commits may wait for
 * it.
 *
 * @returns how many
 */
export async function deleteOldest(
  db: Kysely<Database>,
  table: 'entries' | 'checkpoints',
  { campaignId, limit, until = Number.MAX_SAFE_INTEGER }: OldestRows,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom(table)
    .where('campaign_id', '=', campaignId)
    .where('version', 'in', (query) =>
      query
        .selectFrom(table)
        .where('campaign_id', '=', campaignId)
        .where('version', '<=', until)
        .orderBy('version')
        .limit(limit)
        .select('version'),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}
