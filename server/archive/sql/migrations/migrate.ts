import type { Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import type { Database } from '../schema.ts';
import { createTables } from './0001-tables.ts';
import { addListColumns } from './0008-list-columns.ts';
import { addDroppedRestores } from './0012-dropped-restores.ts';
import { addPreviewKeys } from './0013-preview-keys.ts';
import { createAnalyticsTables } from './0004-analytics.ts';
import { createAuditTables } from './0003-audit.ts';
import { createDeletionTables } from './0006-deletions.ts';
import { createHeldPlaceTables } from './0010-held-places.ts';
import { createHistoryBases } from './0007-history-bases.ts';
import { createHistoryKeeps } from './0011-history-keeps.ts';
import { createRedactions } from './0009-redactions.ts';
import { createRestoreTables } from './0002-restores.ts';
import { createStagedParts } from './0005-staged-parts.ts';

/** The migrations, in order: a released one is never edited, only followed by another. */
function migrations(namespace: string): Record<string, Migration> {
  return {
    '0001-tables': { up: (db) => createTables(db, namespace) },
    '0002-restores': { up: (db) => createRestoreTables(db, namespace) },
    '0003-audit': { up: (db) => createAuditTables(db, namespace) },
    '0004-analytics': { up: (db) => createAnalyticsTables(db, namespace) },
    '0005-staged-parts': { up: (db) => createStagedParts(db, namespace) },
    '0006-deletions': { up: (db) => createDeletionTables(db, namespace) },
    '0007-history-bases': { up: (db) => createHistoryBases(db, namespace) },
    '0008-list-columns': { up: (db) => addListColumns(db, namespace) },
    '0009-redactions': { up: (db) => createRedactions(db, namespace) },
    '0010-held-places': { up: (db) => createHeldPlaceTables(db, namespace) },
    '0011-history-keeps': { up: (db) => createHistoryKeeps(db, namespace) },
    '0012-dropped-restores': { up: (db) => addDroppedRestores(db, namespace) },
    '0013-preview-keys': { up: (db) => addPreviewKeys(db, namespace) },
  };
}

/**
 * Brings the namespace's Postgres schema up to date, creating it where it is missing. Kysely holds an advisory lock
 * meanwhile, so that of several instances which start at once one migrates, and the others find the work done. (PGlite
 * has one user, and no lock.)
 */
export async function migrate(db: Kysely<Database>, namespace: string): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations(namespace)) },
    migrationTableSchema: namespace,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
