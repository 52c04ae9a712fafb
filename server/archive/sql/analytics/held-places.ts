import { sql, type Kysely } from 'kysely';
import type { HeldPlaceRow, HeldPlaceStore } from '../../../core/targeting/held-place-store.ts';
import { findDeleted } from '../deletions.ts';
import { isAnyOf, recordset } from '../rows.ts';
import type { Database } from '../schema.ts';

/** Rows that one statement erases: it must not hold its locks for long. */
const SWEPT_AT_ONCE = 5_000;

/** The columns of rows that travel as one JSON text. */
const ROWS = sql`row("campaignId" text, unit text, line text, bucket integer, since bigint)`;

/**
 * Places that people keep, in SQL.
 *
 * @param db connections that do not wait for commits, where there is more than one
 */
export function createSqlHeldPlaces(db: Kysely<Database>): HeldPlaceStore {
  const holdPlaces: HeldPlaceStore['holdPlaces'] = async (given, maxOfCampaign) => {
    if (given.length === 0) return;
    await db.transaction().execute(async (transaction) => {
      const ids = [...new Set(given.map(({ campaignId }) => campaignId))];
      const gone = await findDeleted(transaction, ids);
      const full = await fullCampaigns(transaction, ids, maxOfCampaign);
      const rows = given.filter(({ campaignId }) => !gone.has(campaignId) && !full.has(campaignId)).sort(inOrder);
      if (rows.length === 0) return;
      const stored = await transaction
        .insertInto('held_places')
        .columns(['campaign_id', 'unit', 'line', 'bucket', 'since'])
        .expression((query) =>
          query
            .selectFrom(recordset<HeldPlaceRow>(rows, ROWS))
            .select(['campaignId', 'unit', 'line', 'bucket', 'since']),
        )
        .onConflict((conflict) => conflict.doNothing())
        .returning(['campaign_id', 'line'])
        .execute();
      for (const [line, places] of countByLine(stored))
        await transaction
          .insertInto('held_lines')
          .values({ ...line, places, ended_at: null })
          .onConflict((conflict) =>
            conflict
              .columns(['campaign_id', 'line'])
              .doUpdateSet({ places: sql<number>`held_lines.places + excluded.places` }),
          )
          .execute();
    });
  };

  const findHeldPlaces: HeldPlaceStore['findHeldPlaces'] = async (units) => {
    const rows = await db
      .selectFrom('held_places as held')
      .innerJoin(recordset(units, sql`row("campaignId" text, unit text)`), (join) =>
        join.onRef('row.campaignId', '=', 'held.campaign_id').onRef('row.unit', '=', 'held.unit'),
      )
      .select(['held.campaign_id as campaignId', 'held.unit', 'held.line', 'held.bucket', 'held.since'])
      .execute();
    return rows;
  };

  const listHeldLines: HeldPlaceStore['listHeldLines'] = async (campaignIds) => {
    const rows = await db
      .selectFrom('held_lines')
      .$if(campaignIds !== undefined, (query) => query.where(isAnyOf('campaign_id', campaignIds ?? [])))
      .orderBy('campaign_id')
      .orderBy('line')
      .select(['campaign_id', 'line', 'ended_at'])
      .execute();
    return rows.map((row) => ({ campaignId: row.campaign_id, line: row.line, endedAt: row.ended_at ?? undefined }));
  };

  const markHeldLines: HeldPlaceStore['markHeldLines'] = async (lines) => {
    for (const { campaignId, line, endedAt = null } of lines)
      await db
        .updateTable('held_lines')
        .set({ ended_at: endedAt })
        .where('campaign_id', '=', campaignId)
        .where('line', '=', line)
        .execute();
  };

  const sweepHeldPlaces: HeldPlaceStore['sweepHeldPlaces'] = async (before) => {
    const over = await db
      .selectFrom('held_lines')
      .where('ended_at', '<', before)
      .select(['campaign_id', 'line'])
      .execute();
    let swept = 0;
    for (const { campaign_id: campaignId, line } of over) {
      for (;;) {
        const { numDeletedRows } = await db
          .deleteFrom('held_places')
          .where('campaign_id', '=', campaignId)
          .where('unit', 'in', (query) =>
            query
              .selectFrom('held_places')
              .where('campaign_id', '=', campaignId)
              .where('line', '=', line)
              .limit(SWEPT_AT_ONCE)
              .select('unit'),
          )
          .where('line', '=', line)
          .executeTakeFirst();
        swept += Number(numDeletedRows);
        if (numDeletedRows < BigInt(SWEPT_AT_ONCE)) break;
      }
      await db.deleteFrom('held_lines').where('campaign_id', '=', campaignId).where('line', '=', line).execute();
    }
    return swept;
  };

  return { holdPlaces, findHeldPlaces, listHeldLines, markHeldLines, sweepHeldPlaces };
}

/** Erases the places of units, within a transaction. */
export async function forgetPlaces(
  transaction: Kysely<Database>,
  campaignId: string,
  units: readonly string[],
): Promise<void> {
  const erased = await transaction
    .deleteFrom('held_places')
    .where('campaign_id', '=', campaignId)
    .where(isAnyOf('unit', units))
    .returning(['campaign_id', 'line'])
    .execute();
  for (const [{ line }, places] of countByLine(erased))
    await transaction
      .updateTable('held_lines')
      .set({ places: sql<number>`places - ${places}` })
      .where('campaign_id', '=', campaignId)
      .where('line', '=', line)
      .execute();
}

/** Those of these campaigns that have as many places as they may. */
async function fullCampaigns(db: Kysely<Database>, ids: readonly string[], max: number): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('held_lines')
    .where(isAnyOf('campaign_id', ids))
    .groupBy('campaign_id')
    .having(({ fn }) => fn.sum('places'), '>=', max)
    .select('campaign_id')
    .execute();
  return new Set(rows.map(({ campaign_id: id }) => id));
}

/** How many rows there are of each line, in one order for everyone: instances that count at once wait in turn. */
function countByLine<T extends { readonly campaign_id: string; readonly line: string }>(
  rows: readonly T[],
): (readonly [{ campaign_id: string; line: string }, number])[] {
  return [...Map.groupBy(rows, (row) => JSON.stringify([row.campaign_id, row.line]))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, [first, ...others]]) =>
      first ? [[{ campaign_id: first.campaign_id, line: first.line }, others.length + 1] as const] : [],
    );
}

function inOrder(a: HeldPlaceRow, b: HeldPlaceRow): number {
  const [left, right] = [a, b].map(({ campaignId, unit, line }) => JSON.stringify([campaignId, unit, line]));
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
