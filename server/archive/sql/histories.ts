import { sql, type Kysely } from 'kysely';
import { jsonArrayFrom, jsonObjectFrom } from 'kysely/helpers/postgres';
import type { HistoryStore, StoredCheckpoint, StoredEntry, StoredHistory } from '../../core/history-store.ts';
import { adoptHistories, type StagedEntry } from './adoption.ts';
import { isAnyOf, recordset } from './rows.ts';
import type { Database } from './schema.ts';

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

  const dropStaged = async (restoreIds: readonly string[]): Promise<void> => {
    if (restoreIds.length === 0) return;
    await db.deleteFrom('staged_parts').where('restore_id', 'in', restoreIds).execute();
    await db.deleteFrom('staged_checkpoints').where('restore_id', 'in', restoreIds).execute();
  };

  const endRestores = async (restoreIds: readonly string[]): Promise<void> => {
    if (restoreIds.length === 0) return;
    await dropStaged(restoreIds);
    await db.deleteFrom('restored_campaigns').where('restore_id', 'in', restoreIds).execute();
    await db.deleteFrom('restores').where('id', 'in', restoreIds).execute();
  };

  const beginRestore: HistoryStore['beginRestore'] = async (restoreId, now, staleAt) => {
    const stale = await db.selectFrom('restores').where('touched_at', '<', staleAt).select('id').execute();
    await endRestores(stale.map(({ id }) => id).filter((id) => id !== restoreId));
    await db
      .insertInto('restores')
      .values({ id: restoreId, touched_at: now })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ touched_at: now }))
      .execute();
    await dropStaged([restoreId]);
    const done = await db
      .selectFrom('restored_campaigns')
      .where('restore_id', '=', restoreId)
      .select('campaign_id')
      .execute();
    return done.map((row) => row.campaign_id);
  };

  const stage: HistoryStore['stage'] = async (restoreId, entries, checkpoints, now) => {
    if (entries.length > 0) {
      const rows = recordset(
        partsOf(entries),
        sql`"row"("campaignId" text, "fromVersion" bigint, count integer, entries json)`,
      );
      await db
        .insertInto('staged_parts')
        .columns(['restore_id', 'campaign_id', 'from_version', 'count', 'entries'])
        .expression((query) =>
          query
            .selectFrom(rows)
            .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'campaignId'])
            .select(['fromVersion', 'count', sql<string>`entries`.as('entries')]),
        )
        .onConflict((conflict) =>
          conflict
            .columns(['restore_id', 'campaign_id', 'from_version'])
            .doUpdateSet({ count: sql<number>`excluded.count`, entries: sql<string>`excluded.entries` }),
        )
        .execute();
    }
    if (checkpoints.length > 0) {
      const rows = recordset<StoredCheckpoint>(checkpoints, sql`"row"("campaignId" text, version bigint, state text)`);
      await db
        .insertInto('staged_checkpoints')
        .columns(['restore_id', 'campaign_id', 'version', 'state'])
        .expression((query) =>
          query
            .selectFrom(rows)
            .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'campaignId', 'version'])
            .select(sql<string>`state::json`.as('state')),
        )
        .onConflict((conflict) =>
          conflict
            .columns(['restore_id', 'campaign_id', 'version'])
            .doUpdateSet({ state: sql<string>`excluded.state` }),
        )
        .execute();
    }
    await db.updateTable('restores').set({ touched_at: now }).where('id', '=', restoreId).execute();
  };

  const adopt: HistoryStore['adopt'] = (restoreId, histories) => adoptHistories(db, restoreId, histories, onProgress);

  const endRestore: HistoryStore['endRestore'] = (restoreId) => endRestores([restoreId]);

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
    beginRestore,
    stage,
    adopt,
    endRestore,
    claimSnapshot,
    releaseSnapshot,
    lastSnapshot,
  };
}

/** Neighbours of one campaign, each as one row. */
function partsOf(entries: readonly StoredEntry[]): StagedPart[] {
  const parts: StagedPart[] = [];
  for (const { campaignId, ...entry } of entries) {
    const last = parts.at(-1);
    if (last?.campaignId === campaignId) {
      last.entries.push(entry);
      last.count += 1;
    } else parts.push({ campaignId, fromVersion: entry.version, count: 1, entries: [entry] });
  }
  return parts;
}

interface StagedPart {
  readonly campaignId: string;
  readonly fromVersion: number;
  count: number;
  readonly entries: StagedEntry[];
}

function isAfter(campaignId: string, version: number) {
  return sql<boolean>`(campaign_id, version) > (${campaignId}, ${version}::bigint)`;
}
