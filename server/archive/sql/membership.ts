import { sql, type Kysely } from 'kysely';
import type { Archive } from '../../engine/ports.ts';
import type { Database } from './schema.ts';

/** Writes of the port that concern campaigns' log memberships. */
export interface LogMemberships extends Pick<Archive, 'enterLog' | 'leaveLog'> {
  /** Ends every membership that began through this archive: the clean stop of a sole user, whose log ends with it. */
  leaveAll(): Promise<void>;
}

/**
 * Every write is one guarded statement, hence one transaction.
 *
 * @param before memberships that this sole user began earlier: campaign id to generation
 */
export function createLogMemberships(
  db: Kysely<Database>,
  soleUser: boolean,
  before: ReadonlyMap<string, number> = new Map(),
): LogMemberships {
  /** Memberships that began through this archive of a sole user: campaign id to generation. */
  const own = new Map(before);

  const enterLog: Archive['enterLog'] = async (campaignId, expected, epoch) => {
    const entering = db.with('entered', (query) =>
      query
        .updateTable('campaigns')
        .set({ log_generation: expected.generation + 1, log_active: true, epoch: epoch ?? expected.epoch })
        .where('id', '=', campaignId)
        .where('epoch', '=', expected.epoch)
        .where('version', '=', expected.version)
        .where('log_generation', '=', expected.generation)
        .returning(['id', 'version']),
    );
    const entered =
      epoch === undefined
        ? await entering.selectFrom('entered').select('id').execute()
        : await entering
            .insertInto('epochs')
            .columns(['campaign_id', 'epoch', 'parent', 'from_version'])
            .expression((query) =>
              query
                .selectFrom('entered')
                .select((row) => [
                  'entered.id',
                  row.cast<string>(row.val(epoch), 'text').as('epoch'),
                  row.cast<string>(row.val(expected.epoch), 'text').as('parent'),
                  'entered.version',
                ]),
            )
            .returning('campaign_id')
            .execute();
    if (entered.length === 0) return false;
    if (soleUser) own.set(campaignId, expected.generation + 1);
    return true;
  };

  const leaveLog: Archive['leaveLog'] = async (campaignId, generation) => {
    await db
      .updateTable('campaigns')
      .set({ log_active: false })
      .where('id', '=', campaignId)
      .where('log_generation', '=', generation)
      .execute();
    if (own.get(campaignId) === generation) own.delete(campaignId);
  };

  /**
   * Only its own memberships: one that an earlier process left active when it crashed still tells of a loss, until its
   * campaign is loaded.
   */
  const leaveAll: LogMemberships['leaveAll'] = async () => {
    if (own.size === 0) return;
    const memberships = JSON.stringify([...own].map(([id, generation]) => ({ id, generation })));
    await db
      .updateTable('campaigns')
      .from(
        sql<{ id: string; generation: number }>`json_to_recordset(${memberships}::text::json)`.as<'membership'>(
          sql`membership(id text, generation bigint)`,
        ),
      )
      .set({ log_active: false })
      .whereRef('campaigns.id', '=', 'membership.id')
      .whereRef('campaigns.log_generation', '=', 'membership.generation')
      .execute();
    own.clear();
  };

  return { enterLog, leaveLog, leaveAll };
}
