import { sql, type Kysely } from 'kysely';

/**
 * Adds of which campaign a key opens the preview. An instance of before takes such keys as those of viewers of that
 * campaign, makes none, and leaves those of a campaign that it deletes, which end at their time.
 */
export async function addPreviewKeys(db: Kysely<unknown>, namespace: string): Promise<void> {
  const schema = db.schema.withSchema(namespace);
  await schema
    .alterTable('access_keys')
    .addColumn('preview_of', sql`text collate "C"`)
    .execute();
  await schema
    .createIndex('access_keys_previews')
    .on('access_keys')
    .column('preview_of')
    .where('preview_of', 'is not', null)
    .execute();
}
