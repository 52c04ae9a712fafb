/**
 * The room of the archive: three implementations of `engine/ports.ts`' `Archive`, which one contract suite holds to one
 * behaviour.
 */
export { openPgliteArchive, type PgliteArchiveOptions } from './pglite/pglite-archive.ts';
export { openPostgresArchive, type PostgresArchiveOptions } from './postgres/open-postgres.ts';
export {
  createMemoryArchive,
  createMemoryStore,
  type MemoryArchiveOptions,
  type MemoryStore,
} from './memory-archive.ts';
export { ArchiveError, type ArchiveErrorKind } from './errors.ts';
