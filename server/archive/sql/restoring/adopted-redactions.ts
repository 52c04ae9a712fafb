import { sql, type Kysely } from 'kysely';
import type { AdoptedHistory } from '../../../core/history-store.ts';
import { lockEvents } from '../audit.ts';
import { isAnyOf, recordset } from '../rows.ts';
import type { Database } from '../schema.ts';

/**
 * Notes what is redacted of the entries that were put in their places: all of it is new to whoever watches, and the
 * log, which has another life of the campaigns by now, has nothing more to drop.
 *
 * The end of the events is locked, as each redaction does before it is inserted: so those of whatever campaign that
 * name one of these entries are seen, and ordinals are given out in the order in which they become visible.
 *
 * @param redactedUntil the ordinal of the last redaction that the entries heed
 * @returns false where a later one names one of the entries that does not name it: then they must not stay
 */
export async function moveRedactions(
  db: Kysely<Database>,
  histories: readonly AdoptedHistory[],
  redactedUntil: number,
): Promise<boolean> {
  const ids = histories.map(({ campaignId }) => campaignId);
  const redacted = namedIn(histories);
  const rows = recordset(
    redacted,
    sql`"row"(campaign_id text, version bigint, tail text, redaction text, hash text, through bigint)`,
  );
  await lockEvents(db);
  const missed = await db
    .selectFrom('redactions')
    .innerJoin('entries', (join) =>
      join.onRef('entries.version', '=', 'redactions.version').onRef('entries.tail', '=', 'redactions.tail'),
    )
    .where('redactions.ordinal', '>', redactedUntil)
    .where(isAnyOf('entries.campaign_id', ids))
    // What the entry names is heeded, whenever it was noted: such as by this restore, with a copy of the campaign.
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom(rows)
            .whereRef('row.campaign_id', '=', 'entries.campaign_id')
            .whereRef('row.tail', '=', 'redactions.tail')
            .whereRef('row.redaction', '=', 'redactions.redaction')
            .select('row.tail'),
        ),
      ),
    )
    .limit(1)
    .select('redactions.ordinal')
    .executeTakeFirst();
  if (missed) return false;

  await db.updateTable('redactions').set({ through: 0, forgotten: true }).where(isAnyOf('campaign_id', ids)).execute();
  if (redacted.length === 0) return true;
  // Of one of these entries, what was redacted of it before and it does not name, is covered by what it names.
  await db
    .deleteFrom('redactions')
    .where(isAnyOf('campaign_id', ids))
    .where(({ exists, not, selectFrom }) => {
      const ofEntry = selectFrom(rows)
        .whereRef('row.campaign_id', '=', 'redactions.campaign_id')
        .whereRef('row.tail', '=', 'redactions.tail')
        .select('row.tail');
      return exists(ofEntry).and(not(exists(ofEntry.whereRef('row.redaction', '=', 'redactions.redaction'))));
    })
    .execute();
  await db
    .insertInto('redactions')
    .columns(['campaign_id', 'version', 'tail', 'redaction', 'hash', 'through', 'forgotten'])
    .expression((query) =>
      query
        .selectFrom(rows)
        .select(['row.campaign_id', 'row.version', 'row.tail', 'row.redaction', 'row.hash', 'row.through'])
        .select(sql<boolean>`true`.as('forgotten')),
    )
    .onConflict((conflict) =>
      conflict
        .columns(['campaign_id', 'tail', 'redaction'])
        .doUpdateSet((row) => ({ through: row.ref('excluded.through'), hash: row.ref('excluded.hash') })),
    )
    .execute();
  return true;
}

/** What histories name of their entries, each once: no statement inserts and renews one row. */
function namedIn(histories: readonly AdoptedHistory[]) {
  const named = histories.flatMap(({ campaignId, head, redactions = [] }) =>
    redactions.map(({ version, tail, redaction, hash }) => ({
      campaign_id: campaignId,
      version,
      tail,
      redaction: JSON.stringify(redaction),
      hash,
      through: head.version,
    })),
  );
  return [...new Map(named.map((row) => [JSON.stringify([row.campaign_id, row.tail, row.redaction]), row])).values()];
}
