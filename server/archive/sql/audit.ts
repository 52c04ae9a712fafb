import { sql, type Kysely } from 'kysely';
import type { AuditPlace, AuditStore, EntryFilter } from '../../core/audit-store.ts';
import type { StoredEntry } from '../../core/history-store.ts';
import { LIMITS } from '../../core/limits.ts';
import { FIRST_TAIL, nextTail } from '../../core/stream/hash-chain.ts';
import type { Database } from './schema.ts';

/** Entries that one statement looks through. */
const SCANNED_ROWS = 2_000;

/** The name of the row that holds the end of the events. */
const EVENTS = 'events';

/** The audit's reads and writes. */
export function createSqlAudit(db: Kysely<Database>): AuditStore {
  const findEntries: AuditStore['findEntries'] = async (filter, before, limit) => {
    const rows = await db
      .selectFrom((query) => scanned(query, filter, before).as('scanned'))
      .select(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'tail'])
      // Of what does not match only the place is sent.
      .select(sql<string | null>`case when ${matches(filter)} then bytes::text end`.as('bytes'))
      .orderBy('at', 'desc')
      .orderBy('campaign_id', 'desc')
      .orderBy('version', 'desc')
      .execute();
    const entries: StoredEntry[] = [];
    let bytes = 0;
    for (const row of rows) {
      const { campaign_id: campaignId, version, epoch, type, at, mutation_id: mutationId, tail } = row;
      if (row.bytes === null) continue;
      entries.push({ campaignId, version, epoch, type, at, mutationId, bytes: row.bytes, tail });
      bytes += row.bytes.length;
      if (entries.length >= limit || bytes >= LIMITS.pageBytes) return { entries, next: { at, campaignId, version } };
    }
    const last = rows.length < SCANNED_ROWS ? undefined : rows.at(-1);
    return { entries, next: last && { at: last.at, campaignId: last.campaign_id, version: last.version } };
  };

  const appendEvents: AuditStore['appendEvents'] = async (events, keep) => {
    if (events.length === 0) return;
    await db.transaction().execute((transaction) => appendEventsIn(transaction, events, keep));
  };

  const selectEvents = () =>
    db.selectFrom('audit_events').select(['position', 'tail', sql<string>`bytes::text`.as('bytes')]);

  const readEvents: AuditStore['readEvents'] = (afterPosition, limit) =>
    selectEvents().where('position', '>', afterPosition).orderBy('position').limit(limit).execute();

  const newestEvents: AuditStore['newestEvents'] = (before, limit) =>
    selectEvents()
      .$if(before !== undefined, (query) => query.where('position', '<', before ?? 0))
      .orderBy('position', 'desc')
      .limit(limit)
      .execute();

  const unsignedHeads: AuditStore['unsignedHeads'] = async (minEntries, signedBefore, limit) => {
    const rows = await db
      .selectFrom('campaigns')
      .leftJoin('audit_signed', 'audit_signed.campaign_id', 'campaigns.id')
      .where((row) =>
        row.or([
          sql<boolean>`campaigns.version - coalesce(audit_signed.version, 0) >= ${minEntries}`,
          sql<boolean>`campaigns.version <> coalesce(audit_signed.version, 0) and coalesce(audit_signed.at, 0) < ${signedBefore}`,
        ]),
      )
      .orderBy('campaigns.id')
      .limit(limit)
      .select(['campaigns.id', 'epoch', 'campaigns.version', 'tail'])
      .execute();
    return rows.map(({ id, epoch, version, tail }) => ({ campaignId: id, head: { epoch, version, tail } }));
  };

  const lastStatement: AuditStore['lastStatement'] = () =>
    db.selectFrom('audit_statements').selectAll().orderBy('position', 'desc').limit(1).executeTakeFirst();

  const appendStatement: AuditStore['appendStatement'] = (statement, heads, at) =>
    db.transaction().execute(async (transaction) => {
      const inserted = await transaction
        .insertInto('audit_statements')
        .values(statement)
        .onConflict((conflict) => conflict.column('position').doNothing())
        .returning('position')
        .execute();
      if (inserted.length === 0) return false;
      if (heads.length > 0) {
        await transaction
          .insertInto('audit_signed')
          .values(heads.map(({ campaignId, version }) => ({ campaign_id: campaignId, version, at })))
          .onConflict((conflict) =>
            conflict
              .column('campaign_id')
              .doUpdateSet((row) => ({ version: row.ref('excluded.version'), at: row.ref('excluded.at') })),
          )
          .execute();
      }
      return true;
    });

  const readStatements: AuditStore['readStatements'] = (afterPosition, limit) =>
    db
      .selectFrom('audit_statements')
      .selectAll()
      .where('position', '>', afterPosition)
      .orderBy('position')
      .limit(limit)
      .execute();

  function scanned(
    query: Pick<Kysely<Database>, 'selectFrom'>,
    { campaignId, from, to }: EntryFilter,
    before: AuditPlace | undefined,
  ) {
    const rows = query
      .selectFrom('entries')
      .select(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
      .$if(from !== undefined, (narrowed) => narrowed.where('at', '>=', from ?? 0))
      .$if(to !== undefined, (narrowed) => narrowed.where('at', '<=', to ?? 0))
      .limit(SCANNED_ROWS);
    if (campaignId === undefined) {
      const place = before ?? { at: 0, campaignId: '', version: 0 };
      return rows
        .$if(before !== undefined, (narrowed) =>
          narrowed.where(
            sql<boolean>`(at, campaign_id, version) < (${place.at}::bigint, ${place.campaignId}, ${place.version}::bigint)`,
          ),
        )
        .orderBy('at', 'desc')
        .orderBy('campaign_id', 'desc')
        .orderBy('version', 'desc');
    }
    // Times never fall from one entry of a campaign to the next: the primary key has its order, too.
    return rows
      .where('campaign_id', '=', campaignId)
      .$if(before !== undefined, (narrowed) => narrowed.where('version', '<', before?.version ?? 0))
      .orderBy('version', 'desc');
  }

  return {
    findEntries,
    appendEvents,
    readEvents,
    newestEvents,
    unsignedHeads,
    lastStatement,
    appendStatement,
    readStatements,
  };
}

/** Appends events behind the last one, within a transaction. */
export async function appendEventsIn(db: Kysely<Database>, events: readonly string[], keep: number): Promise<void> {
  await db
    .insertInto('audit_head')
    .values({ name: EVENTS, position: 0, tail: FIRST_TAIL })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  let { position, tail } = await db
    .selectFrom('audit_head')
    .where('name', '=', EVENTS)
    .select(['position', 'tail'])
    .forUpdate()
    .executeTakeFirstOrThrow();
  const rows = events.map((bytes) => {
    position += 1;
    tail = nextTail(tail, bytes);
    return { position, bytes, tail };
  });
  await db.insertInto('audit_events').values(rows).execute();
  await db.updateTable('audit_head').set({ position, tail }).where('name', '=', EVENTS).execute();
  await db
    .deleteFrom('audit_events')
    .where('position', '<=', position - keep)
    .execute();
}

/** Whether an entry is asked for, as far as its columns and its bytes tell. */
function matches({ actor, type, path, text }: EntryFilter) {
  const conditions = [sql<boolean>`true`];
  if (actor !== undefined) conditions.push(sql<boolean>`bytes->'actor'->>'id' = ${actor}`);
  if (type !== undefined) conditions.push(sql<boolean>`type = ${type}`);
  if (text !== undefined) conditions.push(sql<boolean>`position(${text} in bytes::text) > 0`);
  if (path !== undefined) {
    // The change names the place itself, or puts something that is no object around it.
    const around = path.slice(0, -1).map((_, index) => path.slice(0, index + 1));
    const touched = [
      sql<boolean>`bytes->'change' #> ${path}::text[] is not null`,
      ...around.map(
        (part) => sql<boolean>`coalesce(json_typeof(bytes->'change' #> ${part}::text[]), 'object') <> 'object'`,
      ),
    ];
    conditions.push(sql<boolean>`(${sql.join(touched, sql` or `)})`);
  }
  return sql.join(conditions, sql` and `);
}
