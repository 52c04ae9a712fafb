import { sql, type Kysely } from 'kysely';
import type { AnalyticsStore, MetricSum, ProgressStep, TimelineCount } from '../../core/analytics/analytics-store.ts';
import { MILLIONTHS } from '../../core/analytics/analytics-event.ts';
import type { Metric } from '../../core/document/targeting-fields.ts';
import { joinRows, type EventRows, type GoalRow, type PaintRow } from '../../core/analytics/unit-rows.ts';
import { findDeleted } from './deletions.ts';
import { forgetPlaces } from './held-places.ts';
import type { Database } from './schema.ts';

const MINUTE_MS = 60_000;
/** Units that one transaction of a sweep removes: it must not hold its locks for long. */
const SWEPT_UNITS = 5_000;

/**
 * Analytics in SQL. Rows travel as one JSON text for each table, so that a statement is the same for one event and for
 * thousands; they are joined with those that are stored by the same rules as `core/analytics/unit-rows.ts`.
 *
 * @param db connections of its own, where there is more than one: events must not wait for commits, nor these for them
 * @param namespace the Postgres schema
 */
export function createSqlAnalytics(db: Kysely<Database>, namespace: string): AnalyticsStore {
  const table = (name: keyof Database) => sql.id(namespace, name);

  /**
   * Runs a statement that joins units with their goals. Tables that have grown since they were analysed, or never were,
   * look small to the database: by nested loops it would read all goals for each unit, which takes minutes where a hash
   * takes a moment.
   */
  const hashed = <T>(run: (transaction: Kysely<Database>) => Promise<T>): Promise<T> =>
    db.transaction().execute(async (transaction) => {
      await sql`set local enable_nestloop = off`.execute(transaction);
      return run(transaction);
    });

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

  const countUnits: AnalyticsStore['countUnits'] = async ({ campaignId, rule, phase }) => {
    const rows = await db
      .selectFrom('analytics_exposures')
      .where('campaign_id', '=', campaignId)
      .where('rule', '=', rule)
      .where('phase', '=', phase)
      .groupBy(['arm', 'verified', 'split'])
      .select(['arm', 'verified', 'split'])
      .select(({ fn }) => fn.countAll<number>().as('units'))
      .select(sql<number>`count(*) filter (where multiple)`.as('multiple'))
      .execute();
    return rows.map((row) => ({ ...row, units: Number(row.units), multiple: Number(row.multiple) }));
  };

  const sumMetric: AnalyticsStore['sumMetric'] = async ({ campaignId, rule, phase }, metric) => {
    const { goal, type } = metric;
    const raw = type === 'sum' ? sql`sum(goals.value)` : sql`count(*)`;
    const most = scaledCap(metric);
    const value = most === undefined ? raw : sql`least(${raw}, ${most}::numeric)`;
    const statement = sql<MetricSum>`
      select arm, count(*) as converted, sum(value)::text as sum, sum(value * value)::text as "sumOfSquares"
      from (
        select shown.arm, shown.unit, (${value})::numeric as value
        from ${table('analytics_exposures')} as shown
        join ${table('analytics_goals')} as goals on goals.unit = shown.unit and goals.at >= shown.at
        where shown.campaign_id = ${campaignId} and shown.rule = ${rule} and shown.phase = ${phase} and shown.verified
          and goals.campaign_id = ${campaignId} and goals.goal = ${goal}
        group by shown.arm, shown.unit
      ) as units
      group by arm`;
    const { rows } = await hashed((transaction) => statement.execute(transaction));
    return rows.map((row) => ({ ...row, converted: Number(row.converted) }));
  };

  const readSpan: AnalyticsStore['readSpan'] = async ({ campaignId, rule, phase }) => {
    const { rows } = await sql<{ first: string | null; last: string | null }>`
      select min(at) as first, max(at) as last from ${table('analytics_exposures')}
      where campaign_id = ${campaignId} and rule = ${rule} and phase = ${phase} and verified`.execute(db);
    const { first = null, last = null } = rows[0] ?? {};
    return first === null || last === null ? undefined : { first: Number(first), last: Number(last) };
  };

  const readProgress: AnalyticsStore['readProgress'] = async ({ campaignId, rule, phase }, metric, everyMs) => {
    const { goal, type } = metric;
    const own = type === 'sum' ? sql`goals.value` : sql`1`;
    const most = scaledCap(metric);
    const capped = (value: ReturnType<typeof sql>) =>
      most === undefined ? value : sql`least(${value}, ${most}::numeric)`;
    // A unit's value so far, and what it was before the goal: what is added in all spans is its value in the end.
    const statement = sql<ProgressStep>`
      with shown as materialized (
        select arm, unit, at from ${table('analytics_exposures')}
        where campaign_id = ${campaignId} and rule = ${rule} and phase = ${phase} and verified
      ),
      done as (
        select shown.arm, goals.at, (${own})::numeric as own,
          (sum(${own}) over so_far)::numeric as total, row_number() over so_far as nth
        from shown join ${table('analytics_goals')} as goals on goals.unit = shown.unit and goals.at >= shown.at
        where goals.campaign_id = ${campaignId} and goals.goal = ${goal}
        window so_far as (partition by shown.unit order by goals.at, goals.id rows unbounded preceding)
      ),
      added as (
        select arm, at, 0 as units, case when nth = 1 then 1 else 0 end as converted,
          ${capped(sql`total`)} as value, ${capped(sql`total - own`)} as before
        from done
        union all
        select arm, at, 1, 0, 0::numeric, 0::numeric from shown
      )
      select at - at % ${everyMs}::bigint as "from", arm, sum(units) as units, sum(converted) as converted,
        sum(value - before)::text as sum, sum(value * value - before * before)::text as "sumOfSquares"
      from added group by 1, arm order by 1, arm`;
    const { rows } = await hashed((transaction) => statement.execute(transaction));
    return rows.map((row) => ({
      ...row,
      from: Number(row.from),
      units: Number(row.units),
      converted: Number(row.converted),
    }));
  };

  const readTimeline: AnalyticsStore['readTimeline'] = async (campaignId, from, to) => {
    const minute = sql`(at - at % ${MINUTE_MS}::bigint)`;
    const { rows } = await sql<TimelineCount>`
      select minute, epoch, version, kind, name, sum(count)::bigint as count from (
        select ${minute} as minute, epoch, version, 'exposure' as kind, rule as name, count(*) as count
        from ${table('analytics_exposures')}
        where campaign_id = ${campaignId} and at >= ${from} and at < ${to} and verified
        group by 1, epoch, version, rule
        union all
        select ${minute}, epoch, version, 'goal', goal, count(distinct id)
        from ${table('analytics_goals')}
        where campaign_id = ${campaignId} and at >= ${from} and at < ${to}
        group by 1, epoch, version, goal
        union all
        select minute, epoch, version, 'viewers', '', sum(viewers)
        from ${table('analytics_viewers')}
        where campaign_id = ${campaignId} and minute >= ${from} and minute < ${to}
        group by minute, epoch, version
        union all
        select minute, epoch, version, kind, name, count
        from ${table('analytics_minutes')}
        where campaign_id = ${campaignId} and minute >= ${from} and minute < ${to}
      ) as counts
      group by minute, epoch, version, kind, name
      order by minute, version, epoch, kind collate "C", name collate "C"`.execute(db);
    return rows.map((row) => ({
      ...row,
      minute: Number(row.minute),
      version: Number(row.version),
      count: Number(row.count),
    }));
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

  const readPaints: AnalyticsStore['readPaints'] = (campaignId, epoch, version) =>
    db
      .selectFrom('analytics_paints')
      .where('campaign_id', '=', campaignId)
      .where('epoch', '=', epoch)
      .where('version', '=', version)
      .select(['delay_ms as delayMs', 'share'])
      .orderBy('page')
      .execute();

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

  const forgetUnits: AnalyticsStore['forgetUnits'] = async (campaignId, units) => {
    if (units.length === 0) return;
    await db.transaction().execute(async (transaction) => {
      for (const table of ['analytics_exposures', 'analytics_goals'] as const)
        await transaction.deleteFrom(table).where('campaign_id', '=', campaignId).where('unit', 'in', units).execute();
      await forgetPlaces(transaction, campaignId, units);
    });
  };

  const forgetCampaign: AnalyticsStore['forgetCampaign'] = (campaignId) =>
    db.transaction().execute(async (transaction) => {
      for (const table of [
        'analytics_exposures',
        'analytics_goals',
        'analytics_paints',
        'analytics_phases',
        'analytics_salts',
        'held_places',
        'held_lines',
      ] as const)
        await transaction.deleteFrom(table).where('campaign_id', '=', campaignId).execute();
    });

  const listPhases: AnalyticsStore['listPhases'] = async () => {
    const rows = await db
      .selectFrom('analytics_exposures as shown')
      .leftJoin('analytics_phases as phases', (join) =>
        join
          .onRef('phases.campaign_id', '=', 'shown.campaign_id')
          .onRef('phases.rule', '=', 'shown.rule')
          .onRef('phases.phase', '=', 'shown.phase'),
      )
      .groupBy(['shown.campaign_id', 'shown.rule', 'shown.phase', 'phases.ended_at'])
      .orderBy('shown.campaign_id')
      .orderBy('shown.rule')
      .orderBy('shown.phase')
      .select(['shown.campaign_id', 'shown.rule', 'shown.phase', 'phases.ended_at'])
      .execute();
    return rows.map(({ campaign_id: campaignId, rule, phase, ended_at: endedAt }) => ({
      campaignId,
      rule,
      phase,
      endedAt: endedAt ?? undefined,
    }));
  };

  const markPhases: AnalyticsStore['markPhases'] = async (phases) => {
    if (phases.length === 0) return;
    await db
      .insertInto('analytics_phases')
      .values(
        phases.map(({ campaignId, rule, phase, endedAt = null }) => ({
          campaign_id: campaignId,
          rule,
          phase,
          ended_at: endedAt,
        })),
      )
      .onConflict((conflict) =>
        conflict
          .columns(['campaign_id', 'rule', 'phase'])
          .doUpdateSet((row) => ({ ended_at: row.ref('excluded.ended_at') })),
      )
      .execute();
  };

  /** Removes rows of one table, and adds what the timeline needs of them to the minutes, in one statement. */
  const fold = async (kind: 'exposure' | 'goal', removed: ReturnType<typeof sql>, name: string): Promise<number> => {
    const counted = kind === 'goal' ? sql`count(distinct id)` : sql`count(*) filter (where verified)`;
    const statement = sql<{ removed: number }>`
      with removed as (${removed}),
      added as (
        insert into ${table('analytics_minutes')} as stored
          (campaign_id, minute, epoch, version, kind, name, count)
        select campaign_id, at - at % ${MINUTE_MS}::bigint, epoch, version, ${kind}, ${sql.ref(name)}, ${counted}
        from removed group by 1, 2, 3, 4, 6 having ${counted} > 0
        on conflict (campaign_id, minute, epoch, version, kind, name)
          do update set count = stored.count + excluded.count
      )
      select count(*) as removed from removed`;
    const { rows } = await hashed((transaction) => statement.execute(transaction));
    return Number(rows[0]?.removed ?? 0);
  };

  const sweepAnalytics: AnalyticsStore['sweepAnalytics'] = async ({ unitsBefore, minutesBefore, paintsBefore }) => {
    const exposures = table('analytics_exposures');
    const goals = table('analytics_goals');
    const overdueExposures = sql`
      delete from ${exposures} where (campaign_id, rule, phase, unit, verified) in (
        select shown.campaign_id, shown.rule, shown.phase, shown.unit, shown.verified
        from ${exposures} as shown join ${table('analytics_phases')} as phases
          on phases.campaign_id = shown.campaign_id and phases.rule = shown.rule and phases.phase = shown.phase
        where phases.ended_at < ${unitsBefore} limit ${SWEPT_UNITS})
      returning campaign_id, at, epoch, version, rule, verified`;
    const overdueGoals = sql`
      delete from ${goals} where (campaign_id, goal, unit, id) in (
        select done.campaign_id, done.goal, done.unit, done.id from ${goals} as done
        where done.at < ${unitsBefore} and not exists (
          select from ${exposures} as shown
          where shown.campaign_id = done.campaign_id and shown.unit = done.unit)
        limit ${SWEPT_UNITS})
      returning campaign_id, at, epoch, version, goal, id`;
    let total = 0;
    for (const [kind, removed, name] of [
      ['exposure', overdueExposures, 'rule'],
      ['goal', overdueGoals, 'goal'],
    ] as const) {
      for (;;) {
        const count = await fold(kind, removed, name);
        total += count;
        if (count < SWEPT_UNITS) break;
      }
    }
    await db.deleteFrom('analytics_minutes').where('minute', '<', minutesBefore).execute();
    await db.deleteFrom('analytics_viewers').where('minute', '<', minutesBefore).execute();
    await db.deleteFrom('analytics_paints').where('at', '<', paintsBefore).execute();
    return total;
  };

  return {
    recordEvents,
    countUnits,
    sumMetric,
    readSpan,
    readProgress,
    readTimeline,
    recordViewers,
    readPaints,
    campaignSalt,
    forgetUnits,
    forgetCampaign,
    listPhases,
    markPhases,
    sweepAnalytics,
  };
}

/** Whether the row that comes in is before the stored one, as `joinExposures` has it. */
const IS_BEFORE = sql<boolean>`(excluded.at, excluded.arm, excluded.version, excluded.epoch)
  < (stored.at, stored.arm, stored.version, stored.epoch)`;

/** What one unit counts at most, in the whole numbers that are summed. */
function scaledCap({ type, cap }: Pick<Metric, 'type' | 'cap'>): number | undefined {
  if (type === 'conversion') return 1;
  return cap === undefined ? undefined : Math.round(cap * (type === 'sum' ? MILLIONTHS : 1));
}

function inOrder<T>(keyOf: (row: T) => readonly (string | number)[]): (a: T, b: T) => number {
  return (a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    const differs = left.findIndex((part, index) => part !== right[index]);
    return differs < 0 ? 0 : (left[differs] ?? '') < (right[differs] ?? '') ? -1 : 1;
  };
}
