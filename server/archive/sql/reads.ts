import { sql, type Kysely, type RawBuilder } from 'kysely';
import { jsonArrayFrom } from 'kysely/helpers/postgres';
import type { JsonObject } from '../../core/json.ts';
import { LIMITS } from '../../core/limits.ts';
import { mergePatches } from '../../core/document/merge-patch.ts';
import { SEARCHED_FIELDS, type SearchedField } from '../../core/stream/list-query.ts';
import type { Archive, CampaignSummary, CountQuery } from '../../engine/ports.ts';
import { toSealedEntry } from './columns.ts';
import { toDeletion } from './deletions.ts';
import type { Database } from './schema.ts';

/** The reads of the port. */
export type SqlReads = Pick<
  Archive,
  'load' | 'heads' | 'findMutation' | 'history' | 'stateAt' | 'versionAt' | 'list' | 'count'
>;

/** Every read is one statement, hence one snapshot. (`stateAt` takes two, of rows that never change.) */
export function createSqlReads(db: Kysely<Database>): SqlReads {
  const load: Archive['load'] = async (campaignId, recent) => {
    const row = await db
      .selectFrom('campaigns')
      .where('id', '=', campaignId)
      .select([
        'epoch',
        'version',
        'tail',
        'archived_at',
        'updated_at',
        'updated_by',
        'log_generation',
        'log_active',
        sql<string>`state::text`.as('state'),
      ])
      .select((query) => [
        jsonArrayFrom(
          query
            .selectFrom('epochs')
            .where('campaign_id', '=', campaignId)
            .orderBy('ordinal')
            .select(['epoch', 'parent', 'from_version as fromVersion']),
        ).as('lineage'),
        jsonArrayFrom(newestEntries(db, campaignId, undefined, recent, redactedThrough(db, campaignId))).as('recent'),
        jsonArrayFrom(
          query.selectFrom('deletions').where('campaign_id', '=', campaignId).orderBy('ordinal').select('deletion'),
        ).as('deletions'),
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
      membership: { generation: row.log_generation, active: row.log_active },
      recent: row.recent.reverse().map(toSealedEntry),
      former: row.deletions.map(toDeletion).map(({ at, epochs }) => ({ deletedAt: at, epochs })),
    };
  };

  const heads: Archive['heads'] = async (campaignIds) => {
    const rows = await db
      .selectFrom('campaigns')
      .where(sql<boolean>`id = any(${[...campaignIds]}::text[])`)
      .select(['id', 'epoch', 'version', 'tail'])
      .execute();
    return rows.map(({ id, epoch, version, tail }) => ({ campaignId: id, head: { epoch, version, tail } }));
  };

  const findMutation: Archive['findMutation'] = async (campaignId, mutationId) => {
    const row = await db
      .selectFrom('entries')
      .where('campaign_id', '=', campaignId)
      .where('mutation_id', '=', mutationId)
      .select([sql<string>`bytes::text`.as('bytes'), 'tail'])
      .executeTakeFirst();
    if (row) return { entry: toSealedEntry(row), knownFrom: 1 };
    // The service deletes no entries; whoever runs the database may, to save space.
    const { oldest } = await db
      .selectFrom('entries')
      .where('campaign_id', '=', campaignId)
      .select(({ fn }) => fn.min('version').as('oldest'))
      .executeTakeFirstOrThrow();
    return { entry: undefined, knownFrom: oldest ?? 1 };
  };

  const history: Archive['history'] = async (campaignId, before, limit) => {
    const rows = await newestEntries(db, campaignId, before, limit).execute();
    return rows.map(toSealedEntry);
  };

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
    const entries = rows.map(toSealedEntry);
    return mergePatches(
      base,
      entries.map(({ record }) => record.change),
    );
  };

  /** By bisection: times never fall from one entry to the next, and an index over them would cost each commit. */
  const versionAt: Archive['versionAt'] = async (campaignId, time) => {
    const entryUpTo = (version: number) =>
      db
        .selectFrom('entries')
        .where('campaign_id', '=', campaignId)
        .where('version', '<=', version)
        .orderBy('version', 'desc')
        .limit(1)
        .select(['version', 'at'])
        .executeTakeFirst();
    let found: number | undefined;
    let low = 1;
    let high = (await entryUpTo(Number.MAX_SAFE_INTEGER))?.version ?? 0;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await entryUpTo(middle);
      if (entry === undefined || entry.at <= time) {
        found = entry?.version ?? found;
        low = middle + 1;
      } else high = entry.version - 1;
    }
    return found;
  };

  const list: Archive['list'] = async (query) => {
    const { cursor, offset, limit, sort = 'id' } = query;
    const rows = await narrowed(db, query)
      .$if(cursor !== undefined, (rows) => rows.where('id', '>', cursor ?? ''))
      .$if(sort === 'title', (rows) => rows.orderBy(sql`lower(title) collate "C"`))
      .$if(sort === 'updated', (rows) => rows.orderBy('updated_at', 'desc'))
      .orderBy('id')
      .limit(limit)
      .$if(offset !== undefined, (rows) => rows.offset(offset ?? 0))
      .select(['id', 'title', 'status', 'owner', 'tags', 'version', 'updated_at', 'updated_by', 'archived_at'])
      .execute();
    return rows.map((row): CampaignSummary => {
      const summary = {
        campaignId: row.id,
        title: row.title,
        status: row.status ?? undefined,
        ...(row.owner !== null && { owner: row.owner }),
        ...toTags(row.tags),
        version: row.version,
        updatedAt: row.updated_at,
        updatedBy: row.updated_by,
      };
      return row.archived_at === null ? summary : { ...summary, archivedAt: row.archived_at };
    });
  };

  const count: Archive['count'] = async (query) => {
    const { total } = await narrowed(db, query)
      .select(({ fn }) => fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return Number(total);
  };

  return { load, heads, findMutation, history, stateAt, versionAt, list, count };
}

/**
 * The campaigns that a query is about. A search reads the columns of all of them: there is no index, which every commit
 * would have to keep, and 10,000 rows take milliseconds.
 */
function narrowed(db: Kysely<Database>, query: CountQuery) {
  const { status, owner, tag, archived, search, searched = SEARCHED_FIELDS, ids, publishedOnly } = query;
  return db
    .selectFrom('campaigns')
    .$if(status !== undefined, (rows) => rows.where('status', '=', status ?? ''))
    .$if(owner !== undefined, (rows) => rows.where('owner', '=', owner ?? ''))
    .$if(tag !== undefined, (rows) => rows.where(sql<boolean>`jsonb_exists(tags::jsonb, ${tag ?? ''})`))
    .$if(archived !== undefined, (rows) => rows.where('archived_at', archived === true ? 'is not' : 'is', null))
    .$if(ids !== undefined, (rows) => rows.where(sql<boolean>`id = any(${[...(ids ?? [])]}::text[])`))
    .$if(publishedOnly === true, (rows) => rows.where('status', 'is distinct from', 'draft'))
    .$if(search !== undefined, (rows) =>
      rows.where(({ or }) => or([found('id', search ?? ''), ...searched.map((field) => SEARCH[field](search ?? ''))])),
    );
}

/** Whether a text stands in a column, whatever the case. */
function found(column: string, text: string) {
  return sql<boolean>`strpos(lower(${sql.ref(column)}), lower(${text})) > 0`;
}

/** Whether a text stands in a field of the document. */
const SEARCH: Record<SearchedField, (text: string) => RawBuilder<boolean>> = {
  title: (text) => found('title', text),
  owner_id: (text) => sql`coalesce(${found('owner', text)}, false)`,
  tags: (text) => sql`exists (select from jsonb_array_elements_text(tags::jsonb) as tag where ${found('tag', text)})`,
};

function toTags(text: string | null): Pick<CampaignSummary, 'tags'> {
  const tags: string[] = text === null ? [] : JSON.parse(text);
  return tags.length > 0 ? { tags } : {};
}

/** The version up to which entries of a campaign are not loaded with it, as something of them was redacted. */
function redactedThrough(db: Kysely<Database>, campaignId: string) {
  return db
    .selectFrom('redactions')
    .where('campaign_id', '=', campaignId)
    .select(({ fn }) => fn.coalesce(fn.max('through'), sql<number>`0`).as('through'));
}

/**
 * The newest entries first, within both limits: the database counts the bytes, so that what is too much stays there.
 */
function newestEntries(
  db: Kysely<Database>,
  campaignId: string,
  before: number | undefined,
  limit: number,
  after?: ReturnType<typeof redactedThrough>,
) {
  return db
    .selectFrom((query) =>
      query
        .selectFrom((inner) =>
          inner
            .selectFrom('entries')
            .where('campaign_id', '=', campaignId)
            .$if(before !== undefined, (rows) => rows.where('version', '<', before ?? 0))
            .$if(after !== undefined, (rows) => (after ? rows.where('version', '>', after) : rows))
            .orderBy('version', 'desc')
            .limit(limit)
            .select(['version', 'bytes', 'tail', sql<number>`octet_length(bytes::text)`.as('size')])
            .as('newest'),
        )
        .select(['version', 'bytes', 'tail', 'size', sql<number>`sum(size) over (order by version desc)`.as('total')])
        .as('counted'),
    )
    .where(sql<boolean>`total - size < ${LIMITS.pageBytes}`)
    .orderBy('version', 'desc')
    .select([sql<string>`bytes::text`.as('bytes'), 'tail']);
}
