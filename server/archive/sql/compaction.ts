import { sql, type Kysely } from 'kysely';
import type { CompactionStore } from '../../core/compaction-store.ts';
import type { Database } from './schema.ts';
import { toSealedEntry } from './columns.ts';
import { deleteOldest } from './rows.ts';

/** Entries that one statement deletes: each has to end soon, as commits may wait for it. */
const ENTRIES_AT_ONCE = 100;
/** Checkpoints, likewise. */
const CHECKPOINTS_AT_ONCE = 10;

/**
 * The names of the claims among the schedules. Instances of before know the old one alone, and nothing of what is said
 * of single histories: an instance that has the new one takes that from them.
 */
const COMPACTION = 'history-compaction';
const OLD_COMPACTION = 'compaction';

/** Of the old claim, as long as something is said of single histories: no instance of before compacts anything then. */
const HELD_FOR_EVER = Number.MAX_SAFE_INTEGER;

/**
 * Compaction in two steps. First the base is set, in a short transaction: from then on the history begins there, and
 * all that reads whole histories passes over what lies before. Then that goes, the oldest first and in parts, so that
 * what is left is always a history without a gap.
 */
export function createSqlCompaction(db: Kysely<Database>): CompactionStore {
  const claimCompaction: CompactionStore['claimCompaction'] = (holder, now, until) =>
    db.transaction().execute(async (transaction) => {
      const claimed = await transaction
        .insertInto('snapshot_schedule')
        .values({ name: COMPACTION, holder, held_until: until, saved_at: 0, run: null })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet({ holder, held_until: until })
            .where((row) =>
              row.or([row('snapshot_schedule.held_until', '<', now), row('snapshot_schedule.holder', '=', holder)]),
            ),
        )
        .returning('name')
        .execute();
      if (claimed.length === 0) return false;
      await takeOldClaim(transaction, holder, (await hasKeeps(transaction)) ? HELD_FOR_EVER : until);
      return true;
    });

  const findCompactable: CompactionStore['findCompactable'] = async (kept, limit, now) => {
    // Of what nothing is said, by these; where everything is kept, no version is old enough.
    const versions = kept ? Math.max(1, kept.versions) : Number.MAX_SAFE_INTEGER;
    const since = kept?.since ?? 0;
    const rows = await db
      .selectFrom((query) =>
        query
          .selectFrom('campaigns')
          .innerJoin('checkpoints', 'checkpoints.campaign_id', 'campaigns.id')
          .innerJoin('entries', (join) =>
            join
              .onRef('entries.campaign_id', '=', 'checkpoints.campaign_id')
              .onRef('entries.version', '=', 'checkpoints.version'),
          )
          .leftJoin('history_bases', 'history_bases.campaign_id', 'campaigns.id')
          .leftJoin('history_keeps as keep', 'keep.campaign_id', 'campaigns.id')
          .where(sql<boolean>`not (keep.campaign_id is not null and keep.versions is null and keep.age_ms is null)`)
          .where(
            sql<boolean>`checkpoints.version <= campaigns.version -
              case when keep.campaign_id is null then ${versions}::bigint else greatest(1, coalesce(keep.versions, 0)) end`,
          )
          .where(sql<boolean>`checkpoints.version > coalesce(history_bases.version, 0)`)
          .where(
            sql<boolean>`entries.at < case when keep.campaign_id is null then ${since}::bigint
              else ${now}::bigint - coalesce(keep.age_ms, 0) end`,
          )
          .groupBy('campaigns.id')
          .orderBy('campaigns.id')
          .limit(limit)
          .select(({ fn }) => ['campaigns.id', fn.max('checkpoints.version').as('version')])
          .as('found'),
      )
      .innerJoin('entries', (join) =>
        join.onRef('entries.campaign_id', '=', 'found.id').onRef('entries.version', '=', 'found.version'),
      )
      .innerJoin('checkpoints', (join) =>
        join.onRef('checkpoints.campaign_id', '=', 'found.id').onRef('checkpoints.version', '=', 'found.version'),
      )
      .orderBy('found.id')
      .select(['found.id', 'found.version', 'entries.tail', sql<string>`entries.bytes::text`.as('bytes')])
      .select(sql<string>`checkpoints.state::text`.as('state'))
      // The newest of these entries says whether the campaign was archived there; where none does, its base does.
      .select((row) =>
        row
          .selectFrom('entries as lifecycle')
          .whereRef('lifecycle.campaign_id', '=', 'found.id')
          .whereRef('lifecycle.version', '<=', 'found.version')
          .where('lifecycle.type', 'in', ['archive', 'restore'])
          .orderBy('lifecycle.version', 'desc')
          .limit(1)
          .select(sql<number>`case when lifecycle.type = 'archive' then lifecycle.at else 0 end`.as('at'))
          .as('lifecycle_at'),
      )
      .select((row) =>
        row
          .selectFrom('history_bases as before')
          .whereRef('before.campaign_id', '=', 'found.id')
          .select('before.archived_at')
          .as('archived_before'),
      )
      .execute();
    return rows.map((row) => {
      const { record, tail } = toSealedEntry(row);
      const lifecycleAt = row.lifecycle_at ?? row.archived_before ?? 0;
      return {
        campaignId: row.id,
        base: {
          version: row.version,
          tail,
          state: row.state,
          archivedAt: lifecycleAt === 0 ? undefined : lifecycleAt,
          updatedAt: record.at,
          updatedBy: record.actor.id,
        },
      };
    });
  };

  const setBase: CompactionStore['setBase'] = (
    campaignId,
    { version, tail, state, archivedAt, updatedAt, updatedBy },
  ) =>
    db.transaction().execute(async (transaction) => {
      // The campaign's row is held, so that a restore over it, or a deletion, comes before this or behind it.
      const campaign = await transaction
        .selectFrom('campaigns')
        .where('id', '=', campaignId)
        .where('version', '>', version)
        .select('id')
        .forShare()
        .executeTakeFirst();
      const entry = await transaction
        .selectFrom('entries')
        .innerJoin('checkpoints', (join) =>
          join
            .onRef('checkpoints.campaign_id', '=', 'entries.campaign_id')
            .onRef('checkpoints.version', '=', 'entries.version'),
        )
        .where('entries.campaign_id', '=', campaignId)
        .where('entries.version', '=', version)
        .where('entries.tail', '=', tail)
        // What was signed, which a redaction may have changed; and that waits for this, or this for that.
        .where(sql<boolean>`checkpoints.state::text = ${state}`)
        .select('entries.version')
        .forShare('checkpoints')
        .executeTakeFirst();
      if (!campaign || !entry) return false;
      const base = { version, tail, archived_at: archivedAt ?? null, updated_at: updatedAt, updated_by: updatedBy };
      const set = await transaction
        .insertInto('history_bases')
        .values({ campaign_id: campaignId, ...base, open: true })
        .onConflict((conflict) =>
          conflict
            .column('campaign_id')
            .doUpdateSet({ ...base, open: true })
            .where('history_bases.version', '<', version),
        )
        .returning('campaign_id')
        .execute();
      if (set.length > 0) await moveIds(transaction, campaignId, version);
      return set.length > 0;
    });

  const deleteCompacted: CompactionStore['deleteCompacted'] = () =>
    db.transaction().execute(async (transaction) => {
      // Held until the end: a restore over the campaign, which takes its base away, waits for this part.
      const base = await transaction
        .selectFrom('history_bases')
        .where('open', '=', true)
        .orderBy('campaign_id')
        .limit(1)
        .select(['campaign_id', 'version'])
        .forUpdate()
        .skipLocked()
        .executeTakeFirst();
      if (!base) return undefined;
      const { campaign_id: campaignId, version } = base;
      const entries = await deleteOldest(transaction, 'entries', {
        campaignId,
        limit: ENTRIES_AT_ONCE,
        until: version,
      });
      if (entries > 0) return entries;
      // Without that of the base.
      const before = { campaignId, limit: CHECKPOINTS_AT_ONCE, until: version - 1 };
      if ((await deleteOldest(transaction, 'checkpoints', before)) > 0) return 0;
      await transaction
        .updateTable('history_bases')
        .set({ open: false })
        .where('campaign_id', '=', campaignId)
        .execute();
      return 0;
    });

  const findKeep: CompactionStore['findKeep'] = async (campaignId) => {
    const row = await db
      .selectFrom('history_keeps')
      .where('campaign_id', '=', campaignId)
      .selectAll()
      .executeTakeFirst();
    if (!row) return undefined;
    return {
      ...(row.versions !== null && { versions: row.versions }),
      ...(row.age_ms !== null && { ageMs: row.age_ms }),
    };
  };

  const setKeep: CompactionStore['setKeep'] = (campaignId, keep) =>
    db.transaction().execute(async (transaction) => {
      // Its row is held, so that a deletion takes this along.
      const campaign = await transaction
        .selectFrom('campaigns')
        .where('id', '=', campaignId)
        .select('id')
        .forShare()
        .executeTakeFirst();
      if (!campaign) return false;
      if (!keep) {
        await transaction.deleteFrom('history_keeps').where('campaign_id', '=', campaignId).execute();
        if (!(await hasKeeps(transaction))) await takeOldClaim(transaction, null, 0);
        return true;
      }
      const row = { versions: keep.versions ?? null, age_ms: keep.ageMs ?? null };
      await transaction
        .insertInto('history_keeps')
        .values({ campaign_id: campaignId, ...row })
        .onConflict((conflict) => conflict.column('campaign_id').doUpdateSet(row))
        .execute();
      await takeOldClaim(transaction, null, HELD_FOR_EVER);
      return true;
    });

  const mayCompact: CompactionStore['mayCompact'] = async () => {
    const open = db.selectFrom('history_bases').where('open', '=', true).limit(1).select('campaign_id');
    return (await hasKeeps(db)) || (await open.executeTakeFirst()) !== undefined;
  };

  return { claimCompaction, findCompactable, setBase, deleteCompacted, findKeep, setKeep, mayCompact };
}

async function hasKeeps(db: Kysely<Database>): Promise<boolean> {
  const row = await db.selectFrom('history_keeps').limit(1).select('campaign_id').executeTakeFirst();
  return row !== undefined;
}

/** Takes the claim that instances of before know, whoever has it: theirs ends before the next history. */
async function takeOldClaim(db: Kysely<Database>, holder: string | null, until: number): Promise<void> {
  await db
    .insertInto('snapshot_schedule')
    .values({ name: OLD_COMPACTION, holder, held_until: until, saved_at: 0, run: null })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ holder, held_until: until }))
    .execute();
}

/**
 * Gives mutation ids whose first entry is to go to the first one that is kept, if there is one: so that without its id
 * there is, now as before, only an entry whose id an earlier one of the history has.
 */
async function moveIds(db: Kysely<Database>, campaignId: string, version: number): Promise<void> {
  const repeats = await db
    .selectFrom('entries')
    .where('campaign_id', '=', campaignId)
    .where('mutation_id', 'is', null)
    .where('version', '>', version)
    .orderBy('version')
    .select(['version', sql<string>`bytes ->> 'mutationId'`.as('id')])
    .execute();
  const firstKept = new Map(repeats.toReversed().map((row) => [row.id, row.version]));
  for (const [id, keptAt] of firstKept) {
    const taken = await db
      .updateTable('entries')
      .set({ mutation_id: null })
      .where('campaign_id', '=', campaignId)
      .where('mutation_id', '=', id)
      .where('version', '<=', version)
      .returning('version')
      .execute();
    if (taken.length === 0) continue;
    await db
      .updateTable('entries')
      .set({ mutation_id: id })
      .where('campaign_id', '=', campaignId)
      .where('version', '=', keptAt)
      .execute();
  }
}
