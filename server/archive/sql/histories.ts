import { sql, type Kysely } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres';
import type { HistoryStore, StoredCheckpoint, StoredEntry, StoredHistory } from '../../core/history-store.ts';
import { adoptHistories } from './restoring/adoption.ts';
import { isAnyOf } from './rows.ts';
import type { Database } from './schema.ts';
import { createSqlStaging } from './restoring/staging.ts';

/** Rows of one read, at most. */
const READ_ROWS = 1_000;

/** Bytes of an entry, at least, about: so many more rows need not be measured to find those of so many bytes. */
const SMALL_ENTRY_BYTES = 200;

/** The name of the one schedule. */
const PERIODIC = 'periodic';

/** Whole histories, read and written. Reads are one statement each, hence of one moment. */
export function createSqlHistories(db: Kysely<Database>, onProgress: () => void = () => undefined): HistoryStore {
  const countHistories: HistoryStore['countHistories'] = async (ids) => {
    const { campaigns, entries } = await db
      .selectFrom('campaigns')
      .$if(ids !== undefined, (query) => query.where(isAnyOf('id', ids ?? [])))
      .select(({ fn }) => [
        sql<number>`count(*)::int`.as('campaigns'),
        sql<number>`coalesce(sum(version), 0)::float8`.as('entries'),
        fn.max('version').as('longest'),
      ])
      .executeTakeFirstOrThrow();
    return { campaigns, entries };
  };

  const readHeads: HistoryStore['readHeads'] = async (after, limit) => {
    const rows = await db
      .selectFrom('campaigns')
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .orderBy('id')
      .limit(limit)
      .select(['id', 'epoch', 'version', 'tail'])
      .select((row) =>
        row
          .selectFrom('redactions')
          .whereRef('redactions.campaign_id', '=', 'campaigns.id')
          .select(sql<number>`count(*)::int`.as('count'))
          .as('redactions'),
      )
      .execute();
    return rows.map(({ id, redactions, ...head }) => ({ campaignId: id, head, redactions: redactions ?? 0 }));
  };

  const readHistories: HistoryStore['readHistories'] = async (after, limit, ids) => {
    const rows = await db
      .selectFrom('campaigns')
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .$if(ids !== undefined, (query) => query.where(isAnyOf('id', ids ?? [])))
      .orderBy('id')
      .limit(limit)
      .select(['id', 'epoch', 'version', 'tail', 'title', 'status'])
      .select(['archived_at', 'created_at', 'updated_at', 'updated_by', 'log_generation'])
      .select((query) => [
        sql<string>`state::text`.as('state'),
        jsonArrayFrom(
          query
            .selectFrom('epochs')
            .whereRef('epochs.campaign_id', '=', 'campaigns.id')
            .orderBy('ordinal')
            .select(['epochs.epoch', 'parent', 'from_version as fromVersion']),
        ).as('lineage'),
        jsonArrayFrom(
          query
            .selectFrom('redactions')
            .whereRef('redactions.campaign_id', '=', 'campaigns.id')
            .orderBy('redactions.ordinal')
            .select(['redactions.version', 'redactions.tail', 'redaction', 'hash']),
        ).as('redactions'),
        jsonObjectFrom(
          query
            .selectFrom('history_bases')
            .leftJoin('checkpoints', (join) =>
              join
                .onRef('checkpoints.campaign_id', '=', 'history_bases.campaign_id')
                .onRef('checkpoints.version', '=', 'history_bases.version'),
            )
            .whereRef('history_bases.campaign_id', '=', 'campaigns.id')
            .select(['history_bases.version', 'history_bases.tail', 'history_bases.archived_at as archivedAt'])
            .select(['history_bases.updated_at as updatedAt', 'history_bases.updated_by as updatedBy'])
            // A checkpoint that is missing is no state.
            .select(sql<string>`coalesce(checkpoints.state::text, 'null')`.as('state')),
        ).as('base'),
      ])
      .execute();
    return rows.map((row): StoredHistory => ({
      campaignId: row.id,
      head: { epoch: row.epoch, version: row.version, tail: row.tail },
      state: row.state,
      createdAt: row.created_at,
      archivedAt: row.archived_at ?? undefined,
      updatedAt: row.updated_at,
      updatedBy: row.updated_by,
      title: row.title,
      status: row.status ?? undefined,
      lineage: row.lineage,
      generation: row.log_generation,
      ...(row.base && { base: { ...row.base, archivedAt: row.base.archivedAt ?? undefined } }),
      ...(row.redactions.length > 0 && {
        redactions: row.redactions.map((each) => ({ ...each, redaction: JSON.parse(each.redaction) })),
      }),
    }));
  };

  const readEntries: HistoryStore['readEntries'] = async (after, through, bytes) => {
    const rows = await db
      .selectFrom((query) =>
        query
          .selectFrom((inner) =>
            inner
              .selectFrom('entries')
              .where(isAfter(after.campaignId, after.version))
              .where('campaign_id', '<=', through)
              .orderBy('campaign_id')
              .orderBy('version')
              .limit(Math.min(READ_ROWS, Math.ceil(bytes / SMALL_ENTRY_BYTES)))
              .select(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
              .select(sql<number>`octet_length(bytes::text)`.as('size'))
              .as('next'),
          )
          .selectAll()
          .select(sql<number>`sum(size) over (order by campaign_id, version)`.as('total'))
          .as('counted'),
      )
      .where(sql<boolean>`total - size < ${bytes}`)
      .orderBy('campaign_id')
      .orderBy('version')
      .select(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'tail'])
      .select(sql<string>`bytes::text`.as('bytes'))
      .execute();
    return rows.map((row): StoredEntry => ({
      campaignId: row.campaign_id,
      version: row.version,
      epoch: row.epoch,
      type: row.type,
      at: row.at,
      mutationId: row.mutation_id,
      bytes: row.bytes,
      tail: row.tail,
    }));
  };

  const readCheckpoints: HistoryStore['readCheckpoints'] = async (campaignId, afterVersion, bytes) => {
    const rows = await db
      .selectFrom((query) =>
        query
          .selectFrom((inner) =>
            inner
              .selectFrom('checkpoints')
              .where('campaign_id', '=', campaignId)
              .where('version', '>', afterVersion)
              .orderBy('version')
              .limit(READ_ROWS)
              .select(['version', 'state', sql<number>`octet_length(state::text)`.as('size')])
              .as('next'),
          )
          .selectAll()
          .select(sql<number>`sum(size) over (order by version)`.as('total'))
          .as('counted'),
      )
      .where(sql<boolean>`total - size < ${bytes}`)
      .orderBy('version')
      .select(['version', sql<string>`state::text`.as('state')])
      .execute();
    return rows.map(({ version, state }): StoredCheckpoint => ({ campaignId, version, state }));
  };

  const orphans: HistoryStore['orphans'] = async () => {
    const found = new Set<string>();
    for (const table of ['entries', 'epochs', 'checkpoints'] as const) {
      // By one step of the index for each campaign: a plain `distinct` would read every entry.
      const rows = await db
        .withRecursive('ids(id)', (query) =>
          query
            .selectFrom(table)
            .select(sql<string | null>`min(campaign_id)`.as('id'))
            .unionAll((union) =>
              union
                .selectFrom('ids')
                .where('ids.id', 'is not', null)
                .select((row) =>
                  row
                    .selectFrom(table)
                    .whereRef(`${table}.campaign_id`, '>', row.ref('ids.id').$castTo<string>())
                    .select(sql<string | null>`min(campaign_id)`.as('id'))
                    .as('id'),
                ),
            ),
        )
        .selectFrom('ids')
        .leftJoin('campaigns', 'campaigns.id', 'ids.id')
        .where('ids.id', 'is not', null)
        .where('campaigns.id', 'is', null)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('deletions')
                .whereRef('deletions.campaign_id', '=', 'ids.id')
                .where('complete', '=', false)
                .select('deletions.epoch'),
            ),
          ),
        )
        .limit(READ_ROWS)
        .select('ids.id')
        .execute();
      for (const { id } of rows) if (id !== null) found.add(id);
    }
    return [...found].sort().slice(0, READ_ROWS);
  };

  const adopt: HistoryStore['adopt'] = (restoreId, histories, redactedUntil) =>
    adoptHistories(db, restoreId, histories, redactedUntil, onProgress);

  const claimSnapshot: HistoryStore['claimSnapshot'] = async ({ holder, now, until, dueBefore }) => {
    const claimed = await db
      .insertInto('snapshot_schedule')
      .values({ name: PERIODIC, holder, held_until: until, saved_at: 0, run: null })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet({ holder, held_until: until })
          .where('snapshot_schedule.saved_at', '<=', dueBefore)
          .where((row) =>
            row.or([row('snapshot_schedule.held_until', '<', now), row('snapshot_schedule.holder', '=', holder)]),
          ),
      )
      .returning('name')
      .execute();
    return claimed.length > 0;
  };

  const releaseSnapshot: HistoryStore['releaseSnapshot'] = async (holder, run) => {
    await db
      .updateTable('snapshot_schedule')
      .set({ holder: null, held_until: 0, ...(run && { saved_at: run.at, run: JSON.stringify(run) }) })
      .where('name', '=', PERIODIC)
      .where('holder', '=', holder)
      .execute();
  };

  const lastSnapshot: HistoryStore['lastSnapshot'] = async () => {
    const row = await db.selectFrom('snapshot_schedule').where('name', '=', PERIODIC).select('run').executeTakeFirst();
    const run = row?.run ?? undefined;
    return run === undefined ? undefined : JSON.parse(run);
  };

  return {
    countHistories,
    readHeads,
    readHistories,
    readEntries,
    readCheckpoints,
    orphans,
    ...createSqlStaging(db),
    adopt,
    claimSnapshot,
    releaseSnapshot,
    lastSnapshot,
  };
}

function isAfter(campaignId: string, version: number) {
  return sql<boolean>`(campaign_id, version) > (${campaignId}, ${version}::bigint)`;
}
