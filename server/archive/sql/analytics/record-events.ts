import { sql, type Kysely } from 'kysely';
import type { AnalyticsStore } from '../../../core/analytics/analytics-store.ts';
import { joinRows, type EventRows, type GoalRow, type PaintRow } from '../../../core/analytics/unit-rows.ts';
import { findDeleted } from '../deletions.ts';
import type { Database } from '../schema.ts';

/** What is written as it happens: events, viewers, and the salt of a campaign's units. */
export type EventWrites = Pick<AnalyticsStore, 'recordEvents' | 'recordViewers' | 'campaignSalt'>;

/**
 * Writes events. Rows travel as one JSON text for each table, so that a statement is the same for one event and for
 * thousands; they are joined with those that are stored by the same rules as `core/analytics/unit-rows.ts`.
 */
export function createEventWrites(db: Kysely<Database>, namespace: string): EventWrites {
  const table = (name: keyof Database) => sql.id(namespace, name);

  const insertExposures = (query: Kysely<Database>, exposures: EventRows['exposures']) =>
    sql`
      insert into ${table('analytics_exposures')} as stored
        (campaign_id, rule, phase, unit, verified, arm, at, epoch, version, split, multiple)
      select "campaignId", rule, phase, unit, verified, arm, at, epoch, version, split, multiple
      from json_to_recordset(${JSON.stringify(exposures)}::text::json) as row("campaignId" text, rule text,
        phase integer, unit text, verified boolean, arm text, at bigint, epoch text, version bigint, split text,
        multiple boolean)
      on conflict (campaign_id, rule, phase, unit, verified) do update set
        multiple = stored.multiple or excluded.multiple or stored.arm <> excluded.arm,
        arm = case when ${IS_BEFORE} then excluded.arm else stored.arm end,
        at = case when ${IS_BEFORE} then excluded.at else stored.at end,
        epoch = case when ${IS_BEFORE} then excluded.epoch else stored.epoch end,
        version = case when ${IS_BEFORE} then excluded.version else stored.version end,
        split = case when ${IS_BEFORE} then excluded.split else stored.split end
      where ${IS_BEFORE} or (not stored.multiple and (excluded.multiple or stored.arm <> excluded.arm))`.execute(query);

  const insertGoals = (query: Kysely<Database>, goals: readonly GoalRow[]) =>
    sql`
      insert into ${table('analytics_goals')} (campaign_id, unit, goal, id, at, epoch, version, value)
      select "campaignId", unit, goal, id, at, epoch, version, value
      from json_to_recordset(${JSON.stringify(goals)}::text::json) as row("campaignId" text, unit text, goal text,
        id text, at bigint, epoch text, version bigint, value bigint)
      on conflict do nothing`.execute(query);

  const insertPaints = (query: Kysely<Database>, paints: readonly PaintRow[]) =>
    sql`
      insert into ${table('analytics_paints')} as stored (campaign_id, epoch, version, page, at, delay_ms, share)
      select "campaignId", epoch, version, page, at, "delayMs", share
      from json_to_recordset(${JSON.stringify(paints)}::text::json) as row("campaignId" text, epoch text,
        version bigint, page text, at bigint, "delayMs" bigint, share double precision)
      on conflict do nothing`.execute(query);

  const recordEvents: AnalyticsStore['recordEvents'] = async (events) => {
    await db.transaction().execute(async (transaction) => {
      const ids = Object.values(events).flatMap((rows) =>
        rows.map(({ campaignId }: { campaignId: string }) => campaignId),
      );
      const gone = await findDeleted(transaction, [...new Set(ids)]);
      const isThere = ({ campaignId }: { readonly campaignId: string }): boolean => !gone.has(campaignId);
      await insertEvents(transaction, {
        exposures: events.exposures.filter(isThere),
        goals: events.goals.filter(isThere),
        paints: events.paints.filter(isThere),
      });
    });
  };

  const insertEvents = async (
    transaction: Kysely<Database>,
    { exposures, goals, paints }: EventRows,
  ): Promise<void> => {
    // In one order for everyone, so that instances that record the same units at once wait for each other in turn.
    const rows = {
      exposures: joinRows(exposures).sort(
        inOrder(({ campaignId, rule, phase, unit }) => [campaignId, rule, phase, unit]),
      ),
      goals: [...goals].sort(inOrder(({ campaignId, goal, unit, id }) => [campaignId, goal, unit, id])),
      paints: [...paints].sort(inOrder(({ campaignId, epoch, version, page }) => [campaignId, epoch, version, page])),
    };
    if (rows.exposures.length > 0) await insertExposures(transaction, rows.exposures);
    if (rows.goals.length > 0) await insertGoals(transaction, rows.goals);
    if (rows.paints.length > 0) await insertPaints(transaction, rows.paints);
  };

  const recordViewers: AnalyticsStore['recordViewers'] = async (counts) => {
    if (counts.length === 0) return;
    await db.transaction().execute(async (transaction) => {
      const gone = await findDeleted(transaction, [...new Set(counts.map(({ campaignId }) => campaignId))]);
      const rows = counts.filter(({ campaignId }) => !gone.has(campaignId));
      await sql`
        insert into ${table('analytics_viewers')} (campaign_id, minute, instance, epoch, version, viewers)
        select "campaignId", minute, instance, epoch, version, viewers
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as row("campaignId" text, minute bigint,
          instance text, epoch text, version bigint, viewers integer)
        on conflict do nothing`.execute(transaction);
    });
  };

  const campaignSalt: AnalyticsStore['campaignSalt'] = async (campaignId, proposed) => {
    const select = () =>
      db.selectFrom('analytics_salts').where('campaign_id', '=', campaignId).select('salt').executeTakeFirst();
    const known = await select();
    if (known) return known.salt;
    await db.transaction().execute(async (transaction) => {
      if ((await findDeleted(transaction, [campaignId])).has(campaignId)) return;
      await transaction
        .insertInto('analytics_salts')
        .values({ campaign_id: campaignId, salt: proposed })
        .onConflict((conflict) => conflict.column('campaign_id').doNothing())
        .execute();
    });
    return (await select())?.salt ?? proposed;
  };

  return { recordEvents, recordViewers, campaignSalt };
}

/** Whether the row that comes in is before the stored one, as `joinExposures` has it. */
const IS_BEFORE = sql<boolean>`(excluded.at, excluded.arm, excluded.version, excluded.epoch)
  < (stored.at, stored.arm, stored.version, stored.epoch)`;

function inOrder<T>(keyOf: (row: T) => readonly (string | number)[]): (a: T, b: T) => number {
  return (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    const differs = left.findIndex((part, index) => part !== right[index]);
    return differs < 0 ? 0 : (left[differs] ?? '') < (right[differs] ?? '') ? -1 : 1;
  };
}
