import { sql, type Kysely } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { JsonObject } from '../core/json.ts';
import { mergePatch } from '../core/merge-patch.ts';
import type { Archive, CampaignSummary, CommitOutcome } from '../engine/ports.ts';
import { listed, toSealedEntry } from './columns.ts';
import { commitParts } from './commit.ts';
import { ArchiveError, toArchiveError } from './errors.ts';
import type { Database } from './schema.ts';

export interface OpenArchiveOptions {
  /** The Postgres schema. */
  namespace: string;
  /** Whether nobody else uses it, so that the log ends with this archive: a clean stop then frees the seats that were taken through it. */
  soleUser: boolean;
}

/**
 * The port in SQL, over a migrated database, real Postgres or PGlite alike. Every answer is one statement, hence one snapshot; every
 * write is one statement, hence one transaction. `stop` ends the database too.
 */
export function openArchive(unscoped: Kysely<Database>, { namespace, soleUser }: OpenArchiveOptions): Archive {
  const db = unscoped.withSchema(namespace);
  /** Seats taken through this archive, by campaign, with their generation. */
  const taken = new Map<string, number>();

  const load: Archive['load'] = async (campaignId, recent) => {
    const row = await db
      .selectFrom('campaigns')
      .where('id', '=', campaignId)
      .select(['epoch', 'version', 'tail', 'archived_at', 'updated_at', 'updated_by', 'seat_generation', 'seat_taken', sql<string>`state::text`.as('state')])
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
    return {
      head: { epoch: row.epoch, version: row.version, tail: row.tail },
      state: JSON.parse(row.state),
      archivedAt: row.archived_at ?? undefined,
      updatedAt: row.updated_at,
      updatedBy: row.updated_by,
      lineage: row.lineage,
      seat: { generation: row.seat_generation, taken: row.seat_taken },
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
            seat_generation: 0,
            seat_taken: false,
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

  const enterLog: Archive['enterLog'] = async (campaignId, expected, epoch) => {
    const entering = db.with('entered', (query) =>
      query
        .updateTable('campaigns')
        .set({ seat_generation: expected.generation + 1, seat_taken: true, epoch: epoch ?? expected.epoch })
        .where('id', '=', campaignId)
        .where('epoch', '=', expected.epoch)
        .where('version', '=', expected.version)
        .where('seat_generation', '=', expected.generation)
        .returning(['id', 'version']),
    );
    const entered =
      epoch === undefined
        ? await entering.selectFrom('entered').select('id').execute()
        : await entering
            .insertInto('epochs')
            .columns(['campaign_id', 'epoch', 'parent', 'from_version'])
            .expression((query) =>
              query.selectFrom('entered').select((row) => [
                'entered.id',
                row.cast<string>(row.val(epoch), 'text').as('epoch'),
                row.cast<string>(row.val(expected.epoch), 'text').as('parent'),
                'entered.version',
              ]),
            )
            .returning('campaign_id')
            .execute();
    if (entered.length === 0) return false;
    taken.set(campaignId, expected.generation + 1);
    return true;
  };

  const leaveLog: Archive['leaveLog'] = async (campaignId, generation) => {
    await db
      .updateTable('campaigns')
      .set({ seat_taken: false })
      .where('id', '=', campaignId)
      .where('seat_generation', '=', generation)
      .execute();
    taken.delete(campaignId);
  };

  /**
   * The seats that were taken here, and no other: one that an earlier process left taken when it crashed still tells of a loss, until
   * its campaign is loaded.
   */
  const leaveAll = async (): Promise<void> => {
    const seats = JSON.stringify([...taken].map(([id, generation]) => ({ id, generation })));
    await db
      .updateTable('campaigns')
      .from(sql<{ id: string; generation: number }>`json_to_recordset(${seats}::text::json)`.as<'seat'>(sql`seat(id text, generation bigint)`))
      .set({ seat_taken: false })
      .whereRef('campaigns.id', '=', 'seat.id')
      .whereRef('campaigns.seat_generation', '=', 'seat.generation')
      .execute();
    taken.clear();
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
      if (clean && soleUser) await leaveAll();
    } finally {
      await db.destroy();
    }
  };

  let stopping: Promise<void> | undefined;
  /** The same call, rejecting with an `ArchiveError`, and at once after `stop`. */
  const open = <A extends unknown[], T>(call: (...args: A) => Promise<T>): ((...args: A) => Promise<T>) => {
    return async (...args) => {
      if (stopping) throw new ArchiveError('stopped', 'The archive has been stopped.');
      return await call(...args).catch(rethrow);
    };
  };

  return {
    load: open(load),
    create: open(create),
    commit: open(commit),
    enterLog: open(enterLog),
    leaveLog: open(leaveLog),
    heads: open(heads),
    findMutation: open(findMutation),
    history: open(history),
    stateAt: open(stateAt),
    list: open(list),
    ping: open(ping),
    stop: (how) => (stopping ??= stop(how).catch(rethrow)),
  };
}

function rethrow(error: unknown): never {
  throw toArchiveError(error);
}
