import { sql, type Kysely } from 'kysely';
import type { Archive } from '../../engine/ports.ts';
import type { Database } from './schema.ts';

/** What the port does with a campaign's seat in the log. */
export interface LogMemberships extends Pick<Archive, 'enterLog' | 'leaveLog'> {
  /** The clean stop of a sole user, whose log ends with it: frees every seat that was taken through this archive. */
  leaveAll: () => Promise<void>;
}

/**
 * Every write is one statement, hence one transaction, and guarded.
 *
 * @param before seats that a sole user has taken already
 */
export function createLogMemberships(
  db: Kysely<Database>,
  soleUser: boolean,
  before: ReadonlyMap<string, number> = new Map(),
): LogMemberships {
  /** LogMemberships taken through the archive of a sole user, by campaign, with their generation. */
  const taken = new Map(before);

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
    if (soleUser) taken.set(campaignId, expected.generation + 1);
    return true;
  };

  const leaveLog: Archive['leaveLog'] = async (campaignId, generation) => {
    await db
      .updateTable('campaigns')
      .set({ log_active: false })
      .where('id', '=', campaignId)
      .where('log_generation', '=', generation)
      .execute();
    if (taken.get(campaignId) === generation) taken.delete(campaignId);
  };

  /**
   * The seats that were taken here, and no other: one that an earlier process left taken when it crashed still tells of
   * a loss, until its campaign is loaded.
   */
  const leaveAll: LogMemberships['leaveAll'] = async () => {
    if (taken.size === 0) return;
    const memberships = JSON.stringify([...taken].map(([id, generation]) => ({ id, generation })));
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
    taken.clear();
  };

  return { enterLog, leaveLog, leaveAll };
}
