import { sql, type Kysely } from 'kysely';
import type { JsonObject } from '../../core/json.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import { toListColumns } from './columns.ts';
import type { Database } from './schema.ts';

/**
 * Inserts version 1 of a campaign, its row and its entry, in one statement. Its membership of the log begins above that
 * of a campaign of its id that was deleted.
 *
 * A campaign that the statement sees is in the way even where it is deleted a moment later: else the insertion would
 * wait for that deletion, which it did not see when it looked for one that is not complete.
 *
 * @returns false where the id is in use already, or its deletion is not complete, and then nothing has changed
 */
export async function createCampaign(
  db: Kysely<Database>,
  campaignId: string,
  first: SealedEntry,
  state: JsonObject,
): Promise<boolean> {
  const { record, bytes, tail } = first;
  const { title, status } = toListColumns(state);
  const { epoch, version, type, at, mutationId, actor } = record;
  const created = await db
    .with('fresh', (query) =>
      query
        .selectNoFrom((row) => [
          sql<string>`${campaignId}::text`.as('id'),
          sql<string>`${epoch}::text`.as('epoch'),
          sql<number>`${version}::bigint`.as('version'),
          sql<string>`${tail}::text`.as('tail'),
          sql<string>`${JSON.stringify(state)}::text::json`.as('state'),
          sql<string>`${title}::text`.as('title'),
          sql<string | null>`${status ?? null}::text`.as('status'),
          sql<number>`${at}::bigint`.as('created_at'),
          sql<number>`${at}::bigint`.as('updated_at'),
          sql<string>`${actor.id}::text`.as('updated_by'),
          row.fn
            .coalesce(
              row
                .selectFrom('deletions')
                .where('campaign_id', '=', campaignId)
                .select(({ fn }) => fn.max('generation').as('generation')),
              sql<number>`0`,
            )
            .as('log_generation'),
          sql<boolean>`false`.as('log_active'),
        ])
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('campaigns').where('id', '=', campaignId).select('id'))),
        )
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('deletions')
                .where('campaign_id', '=', campaignId)
                .where('complete', '=', false)
                .select('epoch'),
            ),
          ),
        ),
    )
    .with('created', (query) =>
      query
        .insertInto('campaigns')
        .columns([
          'id',
          'epoch',
          'version',
          'tail',
          'state',
          'title',
          'status',
          'created_at',
          'updated_at',
          'updated_by',
          'log_generation',
          'log_active',
        ])
        .expression((from) => from.selectFrom('fresh').selectAll())
        .onConflict((conflict) => conflict.column('id').doNothing())
        .returning('id'),
    )
    .insertInto('entries')
    .columns(['campaign_id', 'version', 'epoch', 'type', 'at', 'mutation_id', 'bytes', 'tail'])
    .expression((query) =>
      query
        .selectFrom('created')
        .select((row) => [
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
}
