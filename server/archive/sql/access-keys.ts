import type { Kysely, Selectable } from 'kysely';
import type { AccessKeyStore, StoredAccessKey } from '../../core/access-key.ts';
import type { Grants } from '../../core/permissions.ts';
import type { AccessKeysTable, Database } from './schema.ts';

/** Storage of API keys in the archive's database. */
export function createSqlKeyStore(db: Kysely<Database>): AccessKeyStore {
  const select = () => db.selectFrom('access_keys').selectAll();

  return {
    async insertKey({ id, name, hash, grants, createdAt, createdBy, expiresAt, revokedAt, lastUsedAt }) {
      const row = {
        id,
        name,
        hash,
        grants: JSON.stringify(grants),
        created_at: createdAt,
        created_by: createdBy,
        expires_at: expiresAt ?? null,
        revoked_at: revokedAt ?? null,
        last_used_at: lastUsedAt ?? null,
      };
      await db.insertInto('access_keys').values(row).execute();
    },
    async listKeys() {
      const rows = await select().orderBy('created_at', 'desc').orderBy('id', 'desc').execute();
      return rows.map(toKey);
    },
    async findKey(id) {
      const row = await select().where('id', '=', id).executeTakeFirst();
      return row && toKey(row);
    },
    async revokeKey(id, at) {
      const revoked = await db
        .updateTable('access_keys')
        .set((column) => ({
          revoked_at: column.fn.coalesce('revoked_at', column.cast<number>(column.val(at), 'bigint')),
        }))
        .where('id', '=', id)
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
    lastUsedAt: toTime(row.last_used_at),
  };
}

function toTime(column: number | null): number | undefined {
  return column === null ? undefined : Number(column);
}
