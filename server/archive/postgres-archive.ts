import { sql, type Kysely } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { JsonObject } from '../core/json.ts';
import { mergePatch } from '../core/merge-patch.ts';
import type { Archive, ArchivedCampaign, CampaignSummary, CommitOutcome } from '../engine/ports.ts';
import { listed, toSealedEntry } from './columns.ts';
import { commitParts } from './commit.ts';
import { toArchiveError } from './errors.ts';
import { beginIncarnation, endIncarnation, forgetCleanStop, randomToken } from './incarnation.ts';
import type { Database } from './schema.ts';

export interface OpenArchiveOptions {
  /** The Postgres schema; one namespace is one tenant. */
  namespace: string;
  /**
   * Whether campaigns get a new epoch at their first load after an unclean stop. True with a log in process, which loses what was
   * accepted and not yet stored; false with Redis, where the log knows.
   */
  forkOnUncleanStart: boolean;
  /** Makes epochs and incarnations. Default: 72 random bits. */
  token?: () => string;
}

/** The port over a migrated database, real Postgres or PGlite alike. `stop` ends the database too. */
export async function openArchive(unscoped: Kysely<Database>, options: OpenArchiveOptions): Promise<Archive> {
  const { namespace, forkOnUncleanStart, token = randomToken } = options;
  const db = unscoped.withSchema(namespace);
  if (forkOnUncleanStart) return createPostgresArchive(db, await beginIncarnation(db, token), token);
  await forgetCleanStop(db);
  return createPostgresArchive(db, null, token);
}

/** The port in SQL. Every answer is one statement, hence one snapshot; every write is one statement, hence one transaction. */
function createPostgresArchive(db: Kysely<Database>, incarnation: string | null, token: () => string): Archive {
  const load = async (campaignId: string, recent: number): Promise<ArchivedCampaign | undefined> => {
    const row = await db
      .selectFrom('campaigns')
      .where('id', '=', campaignId)
      .select(['epoch', 'version', 'tail', 'archived_at', 'updated_at', 'updated_by', 'incarnation', sql<string>`state::text`.as('state')])
      .select((query) => [
        jsonArrayFrom(
          query
            .selectFrom('epochs')
            .where('campaign_id', '=', campaignId)
            .orderBy('ordinal')
            .select(['epoch', 'parent', 'from_version as fromVersion']),
        ).as('lineage'),
        jsonArrayFrom(
          query
            .selectFrom('entries')
            .where('campaign_id', '=', campaignId)
            .orderBy('version', 'desc')
            .limit(recent)
            .select([sql<string>`bytes::text`.as('bytes'), 'tail']),
        ).as('recent'),
      ])
      .executeTakeFirst();
    if (!row) return undefined;
    if (incarnation !== null && row.incarnation !== incarnation) {
      // Whoever wins, also another load of the same campaign: what it says afterwards is confirmed.
      await fork(campaignId, row, token());
      return await load(campaignId, recent);
    }
    return {
      head: { epoch: row.epoch, version: row.version, tail: row.tail },
      state: JSON.parse(row.state),
      archivedAt: row.archived_at ?? undefined,
      updatedAt: row.updated_at,
      updatedBy: row.updated_by,
      lineage: row.lineage,
      recent: row.recent.reverse().map(toSealedEntry),
    };
  };

  const create: Archive['create'] = async (campaignId, { record, bytes, tail }, state) => {
    const { title, status } = listed(state);
    const { epoch, version, type, at, mutationId, actor } = record;
    const created = await db
      .with('created', (query) =>
        query
          .insertInto('campaigns')
          .values({
            id: campaignId,
            epoch,
            version,
            tail,
            state: JSON.stringify(state),
            title,
            status: status ?? null,
            archived_at: null,
            created_at: at,
            updated_at: at,
            updated_by: actor.id,
            incarnation,
          })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .returning('id'),
      )
      .insertInto('entries')
      .columns(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
      .expression((query) =>
        query.selectFrom('created').select((row) => [
          'created.id',
          row.cast<number>(row.val(version), 'bigint').as('version'),
          row.cast<string>(row.val(epoch), 'text').as('epoch'),
          row.cast<string>(row.val(type), 'text').as('type'),
          row.cast<number>(row.val(at), 'bigint').as('at'),
          row.cast<string>(row.val(mutationId), 'text').as('mutation_id'),
          row.cast<string>(row.cast<string>(row.val(bytes), 'text'), 'json').as('bytes'),
          row.cast<string>(row.val(tail), 'text').as('tail'),
        ]),
      )
      .returning('campaign_id')
      .execute();
    return created.length === 1;
  };

  const fork = async (campaignId: string, parent: { epoch: string; version: number }, epoch: string): Promise<boolean> => {
    const forked = await db
      .with('moved', (query) =>
        query
          .updateTable('campaigns')
          .set({ epoch, incarnation })
          .where('id', '=', campaignId)
          .where('epoch', '=', parent.epoch)
          .where('version', '=', parent.version)
          .returning(['id', 'version']),
      )
      .insertInto('epochs')
      .columns(['campaign_id', 'epoch', 'parent', 'from_version'])
      .expression((query) =>
        query.selectFrom('moved').select((row) => [
          'moved.id',
          row.cast<string>(row.val(epoch), 'text').as('epoch'),
          row.cast<string>(row.val(parent.epoch), 'text').as('parent'),
          'moved.version',
        ]),
      )
      .returning('campaign_id')
      .execute();
    return forked.length === 1;
  };

  const heads: Archive['heads'] = async (campaignIds) => {
    const rows = await db
      .selectFrom('campaigns')
      .where(sql<boolean>`id = any(${[...campaignIds]}::text[])`)
      .select(['id', 'epoch', 'version', 'tail'])
      .execute();
    return rows.map(({ id, epoch, version, tail }) => ({ campaignId: id, head: { epoch, version, tail } }));
  };

  const commit: Archive['commit'] = async (parts) => {
    const moved = await commitParts(db, parts);
    const others = parts.filter((part) => !moved.has(part.campaignId)).map((part) => part.campaignId);
    const found = new Map(others.length > 0 ? (await heads(others)).map(({ campaignId, head }) => [campaignId, head]) : []);
    return parts.map(({ campaignId, expected, entries }): CommitOutcome => {
      if (moved.has(campaignId)) return { campaignId, kind: 'committed' };
      const head = found.get(campaignId);
      const confirmed = entries.length === 0 && head?.epoch === expected.epoch && head.version === expected.version;
      return confirmed ? { campaignId, kind: 'committed' } : { campaignId, kind: 'conflict', head };
    });
  };

  const findMutation: Archive['findMutation'] = async (campaignId, mutationId) => {
    const row = await db
      .selectFrom('entries')
      .where('campaign_id', '=', campaignId)
      .where('mutation_id', '=', mutationId)
      .select([sql<string>`bytes::text`.as('bytes'), 'tail'])
      .executeTakeFirst();
    return row && toSealedEntry(row);
  };

  const history: Archive['history'] = async (campaignId, before, limit) => {
    const rows = await db
      .selectFrom('entries')
      .where('campaign_id', '=', campaignId)
      .$if(before !== undefined, (query) => query.where('version', '<', before ?? 0))
      .orderBy('version', 'desc')
      .limit(limit)
      .select([sql<string>`bytes::text`.as('bytes'), 'tail'])
      .execute();
    return rows.map(toSealedEntry);
  };

  /** What is read is never changed afterwards, so that the two statements need no transaction. */
  const stateAt: Archive['stateAt'] = async (campaignId, version) => {
    const checkpoint = await db
      .selectFrom('checkpoints')
      .where('campaign_id', '=', campaignId)
      .where('version', '<=', version)
      .orderBy('version', 'desc')
      .limit(1)
      .select(['version', sql<string>`state::text`.as('state')])
      .executeTakeFirst();
    const from = checkpoint?.version ?? 0;
    const rows = await db
      .selectFrom('entries')
      .where('campaign_id', '=', campaignId)
      .where('version', '>', from)
      .where('version', '<=', version)
      .orderBy('version')
      .select([sql<string>`bytes::text`.as('bytes'), 'tail'])
      .execute();
    if (version < 1 || rows.length < version - from) return undefined;
    const base: JsonObject = checkpoint ? JSON.parse(checkpoint.state) : {};
    return rows.map(toSealedEntry).reduce((state, { record }) => mergePatch(state, record.change), base);
  };

  const list: Archive['list'] = async ({ cursor, limit, status, ids, publishedOnly }) => {
    let query = db.selectFrom('campaigns').orderBy('id').limit(limit);
    if (cursor !== undefined) query = query.where('id', '>', cursor);
    if (status !== undefined) query = query.where('status', '=', status);
    if (ids !== undefined) query = query.where(sql<boolean>`id = any(${[...ids]}::text[])`);
    if (publishedOnly === true) query = query.where('status', 'is distinct from', 'draft');
    const rows = await query.select(['id', 'title', 'status', 'version', 'updated_at', 'updated_by', 'archived_at']).execute();
    return rows.map((row): CampaignSummary => {
      const summary = {
        campaignId: row.id,
        title: row.title,
        status: row.status ?? undefined,
        version: row.version,
        updatedAt: row.updated_at,
        updatedBy: row.updated_by,
      };
      return row.archived_at === null ? summary : { ...summary, archivedAt: row.archived_at };
    });
  };

  const ping = async (): Promise<void> => {
    await sql`select 1`.execute(db);
  };

  const stop: Archive['stop'] = async ({ clean }) => {
    try {
      if (clean && incarnation !== null) await endIncarnation(db, incarnation);
    } finally {
      await db.destroy();
    }
  };

  return {
    load: failing(load),
    create: failing(create),
    commit: failing(commit),
    fork: failing(fork),
    heads: failing(heads),
    findMutation: failing(findMutation),
    history: failing(history),
    stateAt: failing(stateAt),
    list: failing(list),
    ping: failing(ping),
    stop: failing(stop),
  };
}

/** The same call, rejecting with an `ArchiveError`. */
function failing<A extends unknown[], T>(call: (...args: A) => Promise<T>): (...args: A) => Promise<T> {
  return (...args) =>
    call(...args).catch((error: unknown) => {
      throw toArchiveError(error);
    });
}
