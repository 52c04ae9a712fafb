/** The archive: three implementations of the engine's `Archive` port, held to one behaviour by one contract suite. */
export { openPgliteArchive, type PgliteArchiveOptions } from './pglite/pglite-archive.ts';
export {
  openPostgresArchive,
  type NamespaceLockObserver,
  type PostgresArchiveOptions,
} from './postgres/open-postgres.ts';
export {
  createMemoryArchive,
  createMemoryStore,
  type MemoryArchiveOptions,
  type MemoryStore,
} from './memory-archive.ts';
export { ArchiveError, type ArchiveErrorKind } from './errors.ts';
