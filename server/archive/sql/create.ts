import type { Kysely } from 'kysely';
import type { JsonObject } from '../../core/json.ts';
import type { SealedEntry } from '../../core/stream/log-record.ts';
import { toListColumns } from './columns.ts';
import type { Database } from './schema.ts';

/**
 * Inserts version 1 of a campaign, its row and its entry, in one statement.
 *
 * @returns false where the id is in use already, and then nothing has changed
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
          log_generation: 0,
          log_active: false,
        })
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
