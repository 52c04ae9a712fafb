import { Kysely, PostgresDialect } from 'kysely';
import type { Archive } from '../../engine/ports.ts';
import { toArchiveError } from '../errors.ts';
import { migrate } from '../sql/migrations/migrate.ts';
import { lockNamespace, type NamespaceLock } from './namespace-lock.ts';
import { openSqlArchive } from '../sql/sql-archive.ts';
import { requireFit } from './requirements.ts';
import { createPool, type PoolOptions } from './pool.ts';
import { preparing } from './prepared-pool.ts';
import type { Database } from '../sql/schema.ts';

export interface PostgresArchiveOptions {
  /** `DATABASE_URL`: Postgres 15 or newer. */
  connectionString: string;
  /** The Postgres schema; one namespace is one tenant. */
  namespace: string;
  /**
   * Without Redis: the namespace belongs to this instance alone, a second one is refused, and a clean stop frees the
   * seats of its log. The callbacks tell when the session that holds the lock breaks, and when it is back.
   */
  exclusive?: { onLockLost?: (error: Error) => void; onLockRegained?: () => void };
  /** Connections at most. Default 8. */
  poolSize?: number;
  /**
   * How long one statement may take, in milliseconds; a link that stays silent for longer is given up. Default 30,000.
   */
  statementTimeout?: number;
  /** A connection broke that nobody was waiting on; for the log. */
  onConnectionError?: (error: Error) => void;
}

/** A migration may rewrite a large table, and another instance waits for it; milliseconds. */
const MIGRATION_TIMEOUT = 60 * 60 * 1_000;
/** How long a stop waits for what is still on the wire, in milliseconds; a shutdown has five seconds in all. */
const STOP_PATIENCE = 1_000;

/**
 * The archive in a Postgres of its own.
 *
 * @throws ArchiveError `unreachable` where Postgres does not answer now and may later (it starts, it is full, the
 *   network is away):
 * whoever starts the service calls again until its own time is up; `in-use` where another instance has the namespace;
 * `failed` for what no waiting mends, such as a wrong password, or a database that does not exist or will not do
 */
export async function openPostgresArchive(options: PostgresArchiveOptions): Promise<Archive> {
  const {
    connectionString,
    namespace,
    exclusive,
    poolSize = 8,
    statementTimeout = 30_000,
    onConnectionError: onError,
  } = options;
  let lock: NamespaceLock | undefined;
  try {
    if (exclusive) {
      const { onLockLost: onLost, onLockRegained: onRegained } = exclusive;
      lock = await lockNamespace({ connectionString, namespace, onLost, onRegained });
    }
    await prepare({ connectionString, statementTimeout: MIGRATION_TIMEOUT, size: 2, onError }, namespace);
  } catch (error) {
    await lock?.release();
    throw toArchiveError(error);
  }
  const { db, cut } = connect({ connectionString, statementTimeout, size: poolSize, onError });
  const archive = openSqlArchive(db, { namespace, soleUser: exclusive !== undefined });
  const stop: Archive['stop'] = async (how) => {
    const late = setTimeout(cut, STOP_PATIENCE);
    try {
      await archive.stop(how);
    } finally {
      clearTimeout(late);
      await lock?.release();
    }
  };
  let stopping: Promise<void> | undefined;
  return { ...archive, stop: (how) => (stopping ??= stop(how)) };
}

function connect(options: PoolOptions): { db: Kysely<Database>; cut: () => void } {
  const { pool, cut } = createPool(options);
  return { db: new Kysely<Database>({ dialect: new PostgresDialect({ pool: preparing(pool) }) }), cut };
}

/** On connections of its own, which may take their time. */
async function prepare(options: PoolOptions, namespace: string): Promise<void> {
  const { db } = connect(options);
  try {
    await requireFit(db);
    await migrate(db, namespace);
  } finally {
    await db.destroy();
  }
}
