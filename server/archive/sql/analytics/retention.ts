import { sql, type Kysely } from 'kysely';
import type { AnalyticsStore } from '../../../core/analytics/analytics-store.ts';
import type { Database } from '../schema.ts';
import { forgetPlaces } from './held-places.ts';
import { joinedByHash, MINUTE_MS } from './statements.ts';

/** What lets go of what was counted: erasure, and retention by phase and age. */
export type AnalyticsRetention = Pick<
  AnalyticsStore,
  'forgetUnits' | 'forgetCampaign' | 'listPhases' | 'markPhases' | 'sweepAnalytics'
>;

/** Units that one transaction of a sweep removes: it must not hold its locks for long. */
const SWEPT_UNITS = 5_000;

/** Erases units and campaigns, and what has been kept for long enough. */
export function createAnalyticsRetention(db: Kysely<Database>, namespace: string): AnalyticsRetention {
  const table = (name: keyof Database) => sql.id(namespace, name);

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
    const { rows } = await joinedByHash(db, (transaction) => statement.execute(transaction));
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

  return { forgetUnits, forgetCampaign, listPhases, markPhases, sweepAnalytics };
}
