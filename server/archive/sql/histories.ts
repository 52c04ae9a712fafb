import { sql, type Kysely, type RawBuilder } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type {
  AdoptedHistory,
  Adoption,
  HistoryStore,
  StoredCheckpoint,
  StoredEntry,
  StoredHistory,
} from '../../core/history-store.ts';
import { ArchiveError } from '../errors.ts';
import { toListColumns } from './columns.ts';
import type { Database } from './schema.ts';

/** Rows of one read, at most. */
const READ_ROWS = 1_000;

/** Versions that one statement of an adoption moves: each has to end before the limit for a statement. */
const ADOPTED_VERSIONS = 5_000;

/** The name of the one schedule. */
const PERIODIC = 'periodic';

const ENTRY_COLUMNS = ['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'] as const;

/** Whole histories, read and written. Reads are one statement each, hence of one moment. */
export function createSqlHistories(db: Kysely<Database>, onProgress: () => void = () => undefined): HistoryStore {
  const countHistories: HistoryStore['countHistories'] = async (ids) => {
    const { campaigns, entries } = await db
      .selectFrom('campaigns')
      .$if(ids !== undefined, (query) => query.where(isOneOf(ids ?? [])))
      .select(({ fn }) => [
        sql<number>`count(*)::int`.as('campaigns'),
        sql<number>`coalesce(sum(version), 0)::float8`.as('entries'),
        fn.max('version').as('longest'),
      ])
      .executeTakeFirstOrThrow();
    return { campaigns, entries };
  };

  const readHistories: HistoryStore['readHistories'] = async (after, limit, ids) => {
    const rows = await db
      .selectFrom('campaigns')
      .$if(after !== undefined, (query) => query.where('id', '>', after ?? ''))
      .$if(ids !== undefined, (query) => query.where(isOneOf(ids ?? [])))
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
              .limit(READ_ROWS)
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
        .limit(READ_ROWS)
        .select('ids.id')
        .execute();
      for (const { id } of rows) if (id !== null) found.add(id);
    }
    return [...found].sort().slice(0, READ_ROWS);
  };

  const dropStaged = async (restoreIds: readonly string[]): Promise<void> => {
    if (restoreIds.length === 0) return;
    await db.deleteFrom('staged_entries').where('restore_id', 'in', restoreIds).execute();
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
      const rows = recordset<StoredEntry>(
        entries,
        sql`"row"("campaignId" text, version bigint, epoch text, type text, at bigint, "mutationId" text, bytes text, tail text)`,
      );
      await db
        .insertInto('staged_entries')
        .columns(['restore_id', ...ENTRY_COLUMNS])
        .expression((query) =>
          query
            .selectFrom(rows)
            .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'campaignId', 'version'])
            .select(['epoch', 'type', 'at', 'mutationId', sql<string>`bytes::json`.as('bytes'), 'tail']),
        )
        .onConflict((conflict) =>
          conflict.columns(['restore_id', 'campaign_id', 'version']).doUpdateSet((row) => ({
            epoch: row.ref('excluded.epoch'),
            type: row.ref('excluded.type'),
            at: row.ref('excluded.at'),
            mutation_id: row.ref('excluded.mutation_id'),
            bytes: sql<string>`excluded.bytes`,
            tail: row.ref('excluded.tail'),
          })),
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

  const adopt: HistoryStore['adopt'] = (restoreId, history) =>
    db.transaction().execute((transaction) => adoptHistory(transaction, restoreId, history, onProgress));

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

/**
 * Replaces or creates a campaign by what is staged. The campaign's row is locked first, and where there is none a new
 * one is inserted first, so that of a commit, a creation and two adoptions of one id each sees the other's end.
 */
async function adoptHistory(
  db: Kysely<Database>,
  restoreId: string,
  history: AdoptedHistory,
  onProgress: () => void,
): Promise<Adoption> {
  const { campaignId, head, over } = history;
  const staged = await db
    .selectFrom('staged_checkpoints')
    .where('restore_id', '=', restoreId)
    .where('campaign_id', '=', campaignId)
    .where('version', '=', head.version)
    .select(sql<string>`state::text`.as('state'))
    .executeTakeFirst();
  if (!staged) throw new ArchiveError('data', `${campaignId}: its state is not staged; restore it again.`);
  const row = {
    epoch: head.epoch,
    version: head.version,
    tail: head.tail,
    state: staged.state,
    ...columnsOf(staged.state),
    archived_at: history.archivedAt ?? null,
    created_at: history.createdAt,
    updated_at: history.updatedAt,
    updated_by: history.updatedBy,
    // The log is seeded with it after this; where that fails, the next load finds that the log does not know it.
    log_active: true,
  };
  const inserted = await db
    .insertInto('campaigns')
    .values({ id: campaignId, ...row, log_generation: history.generation })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .execute();
  let { generation } = history;
  if (inserted.length === 0) {
    const present = await db
      .selectFrom('campaigns')
      .where('id', '=', campaignId)
      .select(['epoch', 'version', 'tail', 'log_generation'])
      .forUpdate()
      .executeTakeFirstOrThrow();
    const { epoch, version, tail } = present;
    if (!over) return { kind: 'exists', head: { epoch, version, tail } };
    generation = Math.max(generation, present.log_generation + 1);
    await db
      .updateTable('campaigns')
      .set({ ...row, log_generation: generation })
      .where('id', '=', campaignId)
      .execute();
  }
  // Also where there was no row: a campaign whose row was deleted by hand may have left some.
  await removeHistory(db, campaignId, onProgress);
  await moveStaged(db, restoreId, history, onProgress);
  for (const { epoch, parent, fromVersion } of history.lineage)
    await db
      .insertInto('epochs')
      .values({ campaign_id: campaignId, epoch, parent, from_version: fromVersion })
      .execute();
  await db.insertInto('restored_campaigns').values({ restore_id: restoreId, campaign_id: campaignId }).execute();
  return { kind: 'adopted', generation };
}

/** Deletes the entries, epochs and checkpoints of a campaign, by parts. */
async function removeHistory(db: Kysely<Database>, campaignId: string, onProgress: () => void): Promise<void> {
  const { last } = await db
    .selectFrom('entries')
    .where('campaign_id', '=', campaignId)
    .select(({ fn }) => fn.max('version').as('last'))
    .executeTakeFirstOrThrow();
  for (let from = 0; from < (last ?? 0); from += ADOPTED_VERSIONS) {
    await db
      .deleteFrom('entries')
      .where('campaign_id', '=', campaignId)
      .where('version', '>', from)
      .where('version', '<=', from + ADOPTED_VERSIONS)
      .execute();
    onProgress();
  }
  await db.deleteFrom('checkpoints').where('campaign_id', '=', campaignId).execute();
  await db.deleteFrom('epochs').where('campaign_id', '=', campaignId).execute();
}

async function moveStaged(
  db: Kysely<Database>,
  restoreId: string,
  { campaignId, head }: AdoptedHistory,
  onProgress: () => void,
): Promise<void> {
  let moved = 0;
  for (let from = 0; from < head.version; from += ADOPTED_VERSIONS) {
    const { numInsertedOrUpdatedRows = 0n } = await db
      .insertInto('entries')
      .columns([...ENTRY_COLUMNS])
      .expression((query) =>
        query
          .selectFrom('staged_entries')
          .where('restore_id', '=', restoreId)
          .where('campaign_id', '=', campaignId)
          .where('version', '>', from)
          .where('version', '<=', Math.min(from + ADOPTED_VERSIONS, head.version))
          .select([...ENTRY_COLUMNS]),
      )
      .executeTakeFirstOrThrow();
    moved += Number(numInsertedOrUpdatedRows);
    onProgress();
  }
  if (moved !== head.version) {
    // Such as after a crash of the database, which empties unlogged tables.
    throw new ArchiveError('data', `${campaignId}: ${moved} of ${head.version} entries are staged; restore it again.`);
  }
  await db
    .insertInto('checkpoints')
    .columns(['campaign_id', 'version', 'state'])
    .expression((query) =>
      query
        .selectFrom('staged_checkpoints')
        .where('restore_id', '=', restoreId)
        .where('campaign_id', '=', campaignId)
        .where('version', '<=', head.version)
        .select(['campaign_id', 'version', 'state']),
    )
    .execute();
  await db
    .deleteFrom('staged_entries')
    .where('restore_id', '=', restoreId)
    .where('campaign_id', '=', campaignId)
    .execute();
  await db
    .deleteFrom('staged_checkpoints')
    .where('restore_id', '=', restoreId)
    .where('campaign_id', '=', campaignId)
    .execute();
}

function columnsOf(state: string): { title: string; status: string | null } {
  const { title, status } = toListColumns(JSON.parse(state));
  return { title, status: status ?? null };
}

/** Rows that travel as one JSON text, whatever their number. */
function recordset<T>(rows: readonly T[], definition: RawBuilder<unknown>) {
  return sql<T>`json_to_recordset(${JSON.stringify(rows)}::text::json)`.as<'row'>(definition);
}

function isOneOf(ids: readonly string[]) {
  return sql<boolean>`id = any(${[...ids]}::text[])`;
}

function isAfter(campaignId: string, version: number) {
  return sql<boolean>`(campaign_id, version) > (${campaignId}, ${version}::bigint)`;
}
