import { sql, type Kysely } from 'kysely';
import { MILLIONTHS } from '../../../core/analytics/analytics-event.ts';
import type {
  AnalyticsStore,
  MetricSum,
  ProgressStep,
  TimelineCount,
} from '../../../core/analytics/analytics-store.ts';
import type { Metric } from '../../../core/document/targeting-fields.ts';
import type { Database } from '../schema.ts';
import { joinedByHash, MINUTE_MS } from './statements.ts';

/** What results, timeline and reach are made of. */
export type ResultReads = Pick<
  AnalyticsStore,
  'countUnits' | 'sumMetric' | 'readSpan' | 'readProgress' | 'readTimeline' | 'readPaints'
>;

/** Reads what was counted. */
export function createResultReads(db: Kysely<Database>, namespace: string): ResultReads {
  const table = (name: keyof Database) => sql.id(namespace, name);

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
    const { rows } = await joinedByHash(db, (transaction) => statement.execute(transaction));
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
    const { rows } = await joinedByHash(db, (transaction) => statement.execute(transaction));
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

  const readPaints: AnalyticsStore['readPaints'] = (campaignId, epoch, version) =>
    db
      .selectFrom('analytics_paints')
      .where('campaign_id', '=', campaignId)
      .where('epoch', '=', epoch)
      .where('version', '=', version)
      .select(['delay_ms as delayMs', 'share'])
      .orderBy('page')
      .execute();

  return { countUnits, sumMetric, readSpan, readProgress, readTimeline, readPaints };
}

/** What one unit counts at most, in the whole numbers that are summed. */
function scaledCap({ type, cap }: Pick<Metric, 'type' | 'cap'>): number | undefined {
  if (type === 'conversion') return 1;
  return cap === undefined ? undefined : Math.round(cap * (type === 'sum' ? MILLIONTHS : 1));
}
