import type { Insertable, Kysely, Selectable, Transaction } from 'kysely';
import type { AccessKeyStore, StoredAccessKey } from '../../core/access-key.ts';
import type { Grants } from '../../core/permissions.ts';
import { isAnyOf } from './rows.ts';
import type { AccessKeysTable, Database } from './schema.ts';

/** Storage of API keys in the archive's database. */
export function createSqlKeyStore(db: Kysely<Database>): AccessKeyStore {
  const select = () => db.selectFrom('access_keys').selectAll();

  return {
    async insertKey(key) {
      await db.insertInto('access_keys').values(toRow(key)).execute();
    },
    insertPreview: (key, limit) =>
      db.transaction().execute(async (transaction) => {
        const { previewOf, createdAt } = key;
        // Its lock has whoever makes another one wait, and a deletion, which takes the keys with the campaign.
        const campaign = await transaction
          .selectFrom('campaigns')
          .where('id', '=', previewOf)
          .select('id')
          .forNoKeyUpdate()
          .executeTakeFirst();
        if (!campaign) return 'no campaign';
        await transaction
          .deleteFrom('access_keys')
          .where('preview_of', '=', previewOf)
          .where((row) => row.or([row('revoked_at', 'is not', null), row('expires_at', '<=', createdAt)]))
          .execute();
        const { count } = await transaction
          .selectFrom('access_keys')
          .where('preview_of', '=', previewOf)
          .select(({ fn }) => fn.countAll().as('count'))
          .executeTakeFirstOrThrow();
        if (Number(count) >= limit) return 'full';
        await transaction.insertInto('access_keys').values(toRow(key)).execute();
        return 'stored';
      }),
    async listKeys() {
      const rows = await select().orderBy('created_at', 'desc').orderBy('id', 'desc').execute();
      return rows.map(toKey);
    },
    async listPreviews(campaignId, at) {
      const rows = await select()
        .where('preview_of', '=', campaignId)
        .where('revoked_at', 'is', null)
        .where((row) => row.or([row('expires_at', 'is', null), row('expires_at', '>', at)]))
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .execute();
      return rows.map(toKey);
    },
    async findKeys(ids) {
      const rows = await select().where(isAnyOf('id', ids)).execute();
      return rows.map(toKey);
    },
    async revokeKey(id, at, previewOf) {
      const revoked = await db
        .updateTable('access_keys')
        .set((column) => ({
          revoked_at: column.fn.coalesce('revoked_at', column.cast<number>(column.val(at), 'bigint')),
        }))
        .where('id', '=', id)
        .$if(previewOf !== undefined, (update) => update.where('preview_of', '=', previewOf ?? ''))
        .returning('id')
        .execute();
      return revoked.length > 0;
    },
    async markKeysUsed(uses) {
      for (const { id, at } of uses) {
        await db
          .updateTable('access_keys')
          .set({ last_used_at: at })
          .where('id', '=', id)
          .where((column) => column.or([column('last_used_at', 'is', null), column('last_used_at', '<', at)]))
          .execute();
      }
    },
  };
}

/** Forgets the links to the preview of a campaign, in the transaction that deletes it. */
export async function dropPreviewsIn(transaction: Transaction<Database>, campaignId: string): Promise<void> {
  await transaction.deleteFrom('access_keys').where('preview_of', '=', campaignId).execute();
}

function toRow(key: StoredAccessKey): Insertable<AccessKeysTable> {
  return {
    id: key.id,
    name: key.name,
    hash: key.hash,
    grants: JSON.stringify(key.grants),
    created_at: key.createdAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt ?? null,
    revoked_at: key.revokedAt ?? null,
    last_used_at: key.lastUsedAt ?? null,
    preview_of: key.previewOf ?? null,
  };
}

function toKey(row: Selectable<AccessKeysTable>): StoredAccessKey {
  const grants: Grants = JSON.parse(row.grants);
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    grants,
    createdAt: Number(row.created_at),
    createdBy: row.created_by,
    expiresAt: toTime(row.expires_at),
    revokedAt: toTime(row.revoked_at),
    previewOf: row.preview_of ?? undefined,
    lastUsedAt: toTime(row.last_used_at),
  };
}

function toTime(column: number | null): number | undefined {
  return column === null ? undefined : Number(column);
}
