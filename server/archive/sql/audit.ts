import { sql, type Kysely } from 'kysely';
import type { AuditPlace, AuditStore, EntryFilter, EntryRedaction } from '../../core/audit-store.ts';
import type { StoredEntry } from '../../core/history-store.ts';
import { LIMITS } from '../../core/limits.ts';
import { FIRST_TAIL, nextTail } from '../../core/stream/hash-chain.ts';
import { withValueAt } from '../../core/stream/redaction.ts';
import type { Database } from './schema.ts';
import { dropStagedWith } from './restoring/staging.ts';

/** Entries that one statement looks through. */
const SCANNED_ROWS = 2_000;

/** The name of the row that holds the end of the events. */
const EVENTS = 'events';

/** Checkpoints that are read at once: each can be as large as a document. */
const CHECKPOINTS_AT_ONCE = 10;

/** Audit events that are kept, the newest. */
const KEPT_EVENTS = 100_000;

/** Ends the transaction of a redaction that something else has overtaken. */
class Overtaken extends Error {}

/**
 * The audit's reads and writes.
 *
 * @param onProgress called now and then during a call that can take long
 */
export function createSqlAudit(db: Kysely<Database>, onProgress: () => void = () => undefined): AuditStore {
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

  const redactIn = async (transaction: Kysely<Database>, redacted: EntryRedaction): Promise<boolean> => {
    const { campaignId, version, tail, before, after, through, shown } = redacted;
    // Held until the end: a restore over the campaign, or its deletion, comes before this or behind it. Commits go on.
    const campaign = await transaction
      .selectFrom('campaigns')
      .where('id', '=', campaignId)
      .where('epoch', '=', redacted.epoch)
      .where('version', '>=', through)
      .select('id')
      .forKeyShare()
      .executeTakeFirst();
    if (!campaign) return false;
    const replaced = await transaction
      .updateTable('entries')
      .set({ bytes: after })
      .where('campaign_id', '=', campaignId)
      .where('version', '=', version)
      .where('tail', '=', tail)
      .where(sql<boolean>`bytes::text = ${before}`)
      .returning('version')
      .execute();
    if (replaced.length === 0) return false;
    const { path } = redacted.redaction;
    for (let from = version; path !== undefined && from < through;) {
      const page = await transaction
        .selectFrom('checkpoints')
        .where('campaign_id', '=', campaignId)
        .where('version', '>=', from)
        .where('version', '<', through)
        .orderBy('version')
        .limit(CHECKPOINTS_AT_ONCE)
        .select(['version', sql<string>`state::text`.as('state')])
        .forUpdate()
        .execute();
      for (const checkpoint of page) {
        const value = shown.findLast((step) => step.from <= checkpoint.version)?.value;
        await transaction
          .updateTable('checkpoints')
          .set({ state: JSON.stringify(withValueAt(JSON.parse(checkpoint.state), path, value)) })
          .where('campaign_id', '=', campaignId)
          .where('version', '=', checkpoint.version)
          .execute();
      }
      onProgress();
      const last = page.at(-1)?.version;
      if (last === undefined) break;
      from = last + 1;
    }
    // Behind the checkpoints: a base that was signed with one of them as it was is seen now.
    const base = await transaction
      .selectFrom('history_bases')
      .where('campaign_id', '=', campaignId)
      .where('version', '>=', version)
      .select('version')
      .executeTakeFirst();
    if (base) return false;
    await dropStagedWith(transaction, version, tail);
    // Last, as its row is locked until the end, and every event and adoption waits for it: redactions are inserted one
    // after the other, so that they are seen in their order, and by whoever adopts one of the entries.
    await appendEventsIn(transaction, [redacted.event], KEPT_EVENTS);
    const { known } = await transaction
      .selectFrom('redactions')
      .where('campaign_id', '=', campaignId)
      .select(sql<number>`count(*)::int`.as('known'))
      .executeTakeFirstOrThrow();
    if (known !== redacted.redactions) return false;
    await transaction
      .insertInto('redactions')
      .values({
        campaign_id: campaignId,
        version,
        tail,
        redaction: JSON.stringify(redacted.redaction),
        hash: redacted.hash,
        through,
        forgotten: false,
      })
      .execute();
    return true;
  };

  const redact: AuditStore['redact'] = async (redacted) => {
    try {
      await db.transaction().execute(async (transaction) => {
        if (!(await redactIn(transaction, redacted))) throw new Overtaken();
      });
      return true;
    } catch (error) {
      if (error instanceof Overtaken) return false;
      throw error;
    }
  };

  const redactionsAfter: AuditStore['redactionsAfter'] = async (ordinal, limit) => {
    const rows = await db
      .selectFrom('redactions')
      .where('ordinal', '>', ordinal)
      .orderBy('ordinal')
      .limit(limit)
      .selectAll()
      .execute();
    return rows.map(({ ordinal, version, tail, hash, forgotten, ...row }) => ({
      ordinal,
      campaignId: row.campaign_id,
      version,
      tail,
      redaction: JSON.parse(row.redaction),
      hash,
      forgotten,
    }));
  };

  const markForgotten: AuditStore['markForgotten'] = async (ordinal) => {
    await db.updateTable('redactions').set({ forgotten: true }).where('ordinal', '=', ordinal).execute();
  };

  return {
    findEntries,
    appendEvents,
    readEvents,
    newestEvents,
    unsignedHeads,
    lastStatement,
    appendStatement,
    readStatements,
    redact,
    redactionsAfter,
    markForgotten,
  };
}

/**
 * Locks the end of the events until the end of a transaction, which locks whatever else it needs before: so nobody
 * waits for one that waits for this.
 */
export async function lockEvents(db: Kysely<Database>): Promise<{ readonly position: number; readonly tail: string }> {
  await db
    .insertInto('audit_head')
    .values({ name: EVENTS, position: 0, tail: FIRST_TAIL })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return db
    .selectFrom('audit_head')
    .where('name', '=', EVENTS)
    .select(['position', 'tail'])
    .forUpdate()
    .executeTakeFirstOrThrow();
}

/** Appends events behind the last one, within a transaction. */
export async function appendEventsIn(db: Kysely<Database>, events: readonly string[], keep: number): Promise<void> {
  let { position, tail } = await lockEvents(db);
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
