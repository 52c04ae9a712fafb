import { sql, type Kysely } from 'kysely';
import type { AdoptedHistory, Adoption } from '../../../core/history-store.ts';
import { ArchiveError } from '../../errors.ts';
import { findOpenDeletion, lastGenerations } from '../deletions.ts';
import { isAnyOf, recordset } from '../rows.ts';
import type { Database } from '../schema.ts';
import { moveRedactions } from './adopted-redactions.ts';
import { isDropped, keepStaged, type StagedEntry } from './staging.ts';

/** Versions that one statement moves or deletes, about: each has to end before the limit for a statement. */
const MOVED_VERSIONS = 5_000;

const ENTRY_COLUMNS = ['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'] as const;

/** In the order in which {@link placeRows} selects them. */
const ROW_COLUMNS = [
  ...(['id', 'epoch', 'version', 'tail', 'archived_at', 'created_at', 'updated_at', 'updated_by'] as const),
  ...(['log_generation', 'state', 'title', 'status', 'log_active'] as const),
] as const;

/** Ends the transaction of an adoption that something is in the way of. */
class InTheWay extends Error {
  readonly adoption: Adoption;

  constructor(adoption: Adoption) {
    super('Something is in the way.');
    this.adoption = adoption;
  }
}

/** Puts staged histories in their places, in one transaction. */
export async function adoptHistories(
  db: Kysely<Database>,
  restoreId: string,
  histories: readonly AdoptedHistory[],
  redactedUntil: number,
  onProgress: () => void,
): Promise<Adoption> {
  try {
    return await db.transaction().execute(async (transaction) => {
      const generations = await adopt(transaction, restoreId, histories, onProgress);
      if (!(await moveRedactions(transaction, histories, redactedUntil))) throw new InTheWay({ kind: 'stale' });
      return { kind: 'adopted', generations };
    });
  } catch (error) {
    if (error instanceof InTheWay) return error.adoption;
    // What is missing was dropped: it is for the restore to begin again.
    if (error instanceof ArchiveError && (await isDropped(db, restoreId))) return { kind: 'stale' };
    throw error;
  }
}

/**
 * The rows of campaigns are locked first, in the order of their ids, and where there are none new ones are inserted
 * first, so that of a commit, a creation and two adoptions of one id each sees the other's end, and none waits for one
 * that waits for it.
 */
async function adopt(
  db: Kysely<Database>,
  restoreId: string,
  histories: readonly AdoptedHistory[],
  onProgress: () => void,
): Promise<readonly number[]> {
  const ids = histories.map(({ campaignId }) => campaignId);
  const last = await lastGenerations(db, ids);
  const above = histories.map((history) => ({
    ...history,
    generation: Math.max(history.generation, (last.get(history.campaignId) ?? 0) + 1),
  }));
  const generations = await placeRows(db, restoreId, above);
  // Asked once the rows are there: a deletion that has begun is seen now, and one that begins waits for these rows.
  const deleting = await findOpenDeletion(db, ids);
  if (deleting !== undefined) throw new InTheWay({ kind: 'deleting', campaignId: deleting });
  // Also where there was no row: a campaign whose row was deleted by hand may have left some.
  await removeHistories(db, ids, onProgress);
  if (!(await keepStaged(db, restoreId))) throw new InTheWay({ kind: 'stale' });
  await moveParts(db, restoreId, histories, onProgress);
  await moveRest(db, restoreId, histories);
  return ids.map((id) => generations.get(id) ?? 0);
}

interface RowToPlace {
  readonly id: string;
  readonly epoch: string;
  readonly version: number;
  readonly tail: string;
  readonly archived_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly updated_by: string;
  readonly log_generation: number;
}

/** Inserts or replaces the rows of the campaigns. @returns the generations that they have */
async function placeRows(
  db: Kysely<Database>,
  restoreId: string,
  histories: readonly AdoptedHistory[],
): Promise<Map<string, number>> {
  const rows = histories.map(({ campaignId, head, ...history }): RowToPlace => ({
    id: campaignId,
    epoch: head.epoch,
    version: head.version,
    tail: head.tail,
    archived_at: history.archivedAt ?? null,
    created_at: history.createdAt,
    updated_at: history.updatedAt,
    updated_by: history.updatedBy,
    log_generation: history.generation,
  }));
  const definition = sql`"row"(id text, epoch text, version bigint, tail text, archived_at bigint, created_at bigint, updated_at bigint, updated_by text, log_generation bigint)`;
  // Each with its state; the columns that lists show follow from it, as `toListColumns` has them.
  const withStates = db
    .selectFrom(recordset(rows, definition))
    .innerJoin('staged_checkpoints as staged', (join) =>
      join.onRef('staged.campaign_id', '=', 'row.id').onRef('staged.version', '=', 'row.version'),
    )
    .where('staged.restore_id', '=', restoreId)
    .select(['row.id', 'row.epoch', 'row.version', 'row.tail', 'row.archived_at', 'row.created_at'])
    .select(['row.updated_at', 'row.updated_by', 'row.log_generation'])
    .select(sql<string>`staged.state`.as('state'))
    .select(
      sql<string>`case when json_typeof(staged.state -> 'title') = 'string' then staged.state ->> 'title' else '' end`.as(
        'title',
      ),
    )
    .select(
      sql<
        string | null
      >`case when json_typeof(staged.state -> 'status') = 'string' then staged.state ->> 'status' end`.as('status'),
    )
    // The log is seeded with it after this; where that fails, the next load finds that the log does not know it.
    .select(sql<boolean>`true`.as('log_active'));

  const inserted = await db
    .insertInto('campaigns')
    .columns([...ROW_COLUMNS])
    .expression(withStates.orderBy('row.id'))
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning(['id', 'log_generation'])
    .execute();
  const generations = new Map(inserted.map((row) => [row.id, row.log_generation]));
  const others = histories.filter(({ campaignId }) => !generations.has(campaignId));
  if (others.length === 0) return generations;

  const present = await db
    .selectFrom('campaigns')
    .where(
      isAnyOf(
        'id',
        others.map(({ campaignId }) => campaignId),
      ),
    )
    .orderBy('id')
    .select(['id', 'epoch', 'version', 'tail'])
    .forUpdate()
    .execute();
  const heads = new Map(present.map(({ id, epoch, version, tail }) => [id, { epoch, version, tail }]));
  for (const { campaignId, over } of others) {
    const head = heads.get(campaignId);
    if (head && !over) throw new InTheWay({ kind: 'exists', campaignId, head });
  }
  const replaced = await db
    .updateTable('campaigns')
    .from(withStates.as('next'))
    .whereRef('campaigns.id', '=', 'next.id')
    .where(isAnyOf('campaigns.id', [...heads.keys()]))
    .set((row) => ({
      epoch: row.ref('next.epoch'),
      version: row.ref('next.version'),
      tail: row.ref('next.tail'),
      archived_at: row.ref('next.archived_at'),
      created_at: row.ref('next.created_at'),
      updated_at: row.ref('next.updated_at'),
      updated_by: row.ref('next.updated_by'),
      state: row.ref('next.state'),
      title: row.ref('next.title'),
      status: row.ref('next.status'),
      log_active: row.ref('next.log_active'),
      log_generation: sql<number>`greatest(next.log_generation, campaigns.log_generation + 1)`,
    }))
    .returning(['campaigns.id', 'campaigns.log_generation'])
    .execute();
  for (const row of replaced) generations.set(row.id, row.log_generation);
  const missing = histories.find(({ campaignId }) => !generations.has(campaignId));
  if (missing) throw new ArchiveError('data', `${missing.campaignId}: its state is not staged; restore it again.`);
  return generations;
}

/** Deletes what campaigns have of entries, epochs and checkpoints, by parts. */
async function removeHistories(db: Kysely<Database>, ids: readonly string[], onProgress: () => void): Promise<void> {
  // First: a part of a compaction that is under way ends before, and none begins behind.
  await db.deleteFrom('history_bases').where(isAnyOf('campaign_id', ids)).execute();
  const found = await db
    .selectFrom('campaigns')
    .where(isAnyOf('id', ids))
    .select('id')
    .select((row) =>
      row
        .selectFrom('entries')
        .whereRef('campaign_id', '=', 'campaigns.id')
        .select(({ fn }) => fn.max('version').as('last'))
        .as('last'),
    )
    .execute();
  for (const group of inGroups(found, ({ last }) => last ?? 0)) {
    const most = Math.max(...group.map(({ last }) => last ?? 0));
    for (let from = 0; from < most; from += MOVED_VERSIONS) {
      await db
        .deleteFrom('entries')
        .where(
          isAnyOf(
            'campaign_id',
            group.map(({ id }) => id),
          ),
        )
        .where('version', '>', from)
        .where('version', '<=', from + MOVED_VERSIONS)
        .execute();
      onProgress();
    }
  }
  await db.deleteFrom('checkpoints').where(isAnyOf('campaign_id', ids)).execute();
  await db.deleteFrom('epochs').where(isAnyOf('campaign_id', ids)).execute();
}

/** Writes the staged entries where they belong. */
async function moveParts(
  db: Kysely<Database>,
  restoreId: string,
  histories: readonly AdoptedHistory[],
  onProgress: () => void,
): Promise<void> {
  const parts = await db
    .selectFrom('staged_parts')
    .where('restore_id', '=', restoreId)
    .where(
      isAnyOf(
        'campaign_id',
        histories.map(({ campaignId }) => campaignId),
      ),
    )
    .orderBy('campaign_id')
    .orderBy('from_version')
    .select(['campaign_id', 'from_version', 'count'])
    .execute();
  const staged = new Map<string, number>();
  for (const { campaign_id: id, count } of parts) staged.set(id, (staged.get(id) ?? 0) + count);
  for (const { campaignId, head, base } of histories) {
    const count = staged.get(campaignId) ?? 0;
    const wanted = head.version - (base?.version ?? 0);
    // Such as after a crash of the database, which empties unlogged tables.
    if (count !== wanted) {
      const message = `${campaignId}: ${count} of ${wanted} entries are staged; restore it again.`;
      throw new ArchiveError('data', message);
    }
  }
  for (const group of inGroups(parts, ({ count }) => count)) {
    const wanted = group.map((part) => ({ id: part.campaign_id, from: part.from_version }));
    const { numInsertedOrUpdatedRows: moved } = await db
      .insertInto('entries')
      .columns([...ENTRY_COLUMNS])
      .expression((query) =>
        query
          .selectFrom(recordset(wanted, sql`"row"(id text, "from" bigint)`))
          .innerJoin('staged_parts as part', (join) =>
            join.onRef('part.campaign_id', '=', 'row.id').onRef('part.from_version', '=', 'row.from'),
          )
          .innerJoinLateral(ENTRIES_OF_PART, (join) => join.onTrue())
          .where('part.restore_id', '=', restoreId)
          .select(['part.campaign_id', 'entry.version', 'entry.epoch', 'entry.type', 'entry.at'])
          .select(['entry.mutationId', sql<string>`entry.bytes::json`.as('bytes'), 'entry.tail']),
      )
      .executeTakeFirstOrThrow();
    const expected = group.reduce((sum, { count }) => sum + count, 0);
    if (moved !== BigInt(expected)) {
      const ids = [...new Set(wanted.map(({ id }) => id))].join(', ');
      throw new ArchiveError('data', `${ids}: ${moved} of ${expected} entries could be moved; restore it again.`);
    }
    onProgress();
  }
}

const ENTRIES_OF_PART = sql<StagedEntry>`json_to_recordset(part.entries)`.as<'entry'>(
  sql`"entry"(version bigint, epoch text, type text, at bigint, "mutationId" text, bytes text, tail text)`,
);

/** Writes checkpoints and forks where they belong, notes that it was done, and drops what was staged. */
async function moveRest(db: Kysely<Database>, restoreId: string, histories: readonly AdoptedHistory[]): Promise<void> {
  const ids = histories.map(({ campaignId }) => campaignId);
  const ends = histories.map(({ campaignId, head: { version } }) => ({ id: campaignId, version }));
  await db
    .insertInto('checkpoints')
    .columns(['campaign_id', 'version', 'state'])
    .expression((query) =>
      query
        .selectFrom(recordset(ends, sql`"row"(id text, version bigint)`))
        .innerJoin('staged_checkpoints as staged', 'staged.campaign_id', 'row.id')
        .where('staged.restore_id', '=', restoreId)
        .whereRef('staged.version', '<=', 'row.version')
        .select(['staged.campaign_id', 'staged.version', 'staged.state']),
    )
    .execute();
  const forks = histories.flatMap(({ campaignId, lineage }) =>
    lineage.map(({ epoch, parent, fromVersion }) => ({
      campaign_id: campaignId,
      epoch,
      parent,
      from_version: fromVersion,
    })),
  );
  if (forks.length > 0) {
    // One after the other, as the order in which they are inserted is theirs.
    const rows = recordset(forks, sql`"row"(campaign_id text, epoch text, parent text, from_version bigint)`);
    await db
      .insertInto('epochs')
      .columns(['campaign_id', 'epoch', 'parent', 'from_version'])
      .expression((query) => query.selectFrom(rows).select(['campaign_id', 'epoch', 'parent', 'from_version']))
      .execute();
  }
  const bases = histories.flatMap(({ campaignId, base }) => (base ? [{ campaignId, base }] : []));
  for (const { campaignId, base } of bases)
    await db
      .insertInto('history_bases')
      .values({
        campaign_id: campaignId,
        version: base.version,
        tail: base.tail,
        archived_at: base.archivedAt ?? null,
        updated_at: base.updatedAt,
        updated_by: base.updatedBy,
        open: false,
      })
      .execute();
  await db
    .insertInto('restored_campaigns')
    .columns(['restore_id', 'campaign_id'])
    .expression((query) =>
      query
        .selectFrom(recordset(ends, sql`"row"(id text)`))
        .select((row) => [row.cast<string>(row.val(restoreId), 'text').as('restore_id'), 'row.id']),
    )
    .execute();
  for (const table of ['staged_parts', 'staged_checkpoints'] as const)
    await db.deleteFrom(table).where('restore_id', '=', restoreId).where(isAnyOf('campaign_id', ids)).execute();
}

/** Neighbours, by groups that come to the limit at most, or are one that exceeds it. */
function* inGroups<T>(items: readonly T[], versionsOf: (item: T) => number): Generator<T[], void, undefined> {
  let group: T[] = [];
  let versions = 0;
  for (const item of items) {
    const more = versionsOf(item);
    if (group.length > 0 && versions + more > MOVED_VERSIONS) {
      yield group;
      group = [];
      versions = 0;
    }
    group.push(item);
    versions += more;
  }
  if (group.length > 0) yield group;
}
