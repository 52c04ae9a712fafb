import type { KeyedArchive } from '../keyed-archive.ts';
import { Kysely, PostgresDialect } from 'kysely';
import type { Archive } from '../../engine/ports.ts';
import { toArchiveError } from '../errors.ts';
import { migrate } from '../sql/migrations/migrate.ts';
import { lockNamespace, type NamespaceLock } from './namespace-lock.ts';
import { openSqlArchive } from '../sql/sql-archive.ts';
import { MigrationDialect } from './migration-dialect.ts';
import { checkPostgres } from './requirements.ts';
import { createConnections, createPool, type PoolOptions } from './pool.ts';
import { refuseTransactionPooler } from './pooler.ts';
import { createPreparedPool } from './prepared-pool.ts';
import type { Database } from '../sql/schema.ts';

/** Observes the lock on the namespace; for the log. */
export interface NamespaceLockObserver {
  /** The session that holds the lock broke. */
  onLockLost?(error: Error): void;
  onLockRegained?(): void;
  /** Meanwhile others have the namespace, on another log; repeated while that lasts. */
  onLockConflict?(error: Error): void;
}

export interface PostgresArchiveOptions {
  /** `DATABASE_URL`: Postgres 15 or newer. */
  readonly connectionString: string;
  /** The Postgres schema; one namespace is one tenant. */
  readonly namespace: string;
  /**
   * For a server without Redis: the namespace belongs to this instance alone, a second one is refused, and a clean stop
   * ends the log memberships. The callbacks report when the session that holds the lock breaks, and when the lock is
   * held again. Default: shared.
   */
  readonly exclusive?: NamespaceLockObserver;
  /**
   * For a server with Redis: the identity of that log. Instances on another log, or without one, are refused, as they
   * would order the same campaigns for themselves. Default: not checked.
   */
  readonly sharedLog?: NamespaceLockObserver & { identity(): string };
  /** Connections at most. Default 8. */
  readonly poolSize?: number;
  /** Connections for analytics, beside those. Default 2: one writes, one reads. */
  readonly analyticsPoolSize?: number;
  /**
   * How long one statement may take, in milliseconds; a connection that is silent for longer is given up. Default
   * 30,000.
   */
  readonly statementTimeoutMs?: number;
  /** An idle connection broke; for the log. */
  readonly onConnectionError?: (error: Error) => void;
}

const CHECK_TIMEOUT_MS = 10_000;
/** A migration may rewrite a large table, and other instances wait for it. */
const MIGRATION_TIMEOUT_MS = 60 * 60 * 1_000;
/** How long a stop waits for pending calls; a shutdown has five seconds in all. */
const STOP_TIMEOUT_MS = 1_000;

/**
 * Opens the archive in a Postgres server.
 *
 * @example
 *   const archive = await openPostgresArchive({ connectionString: env.DATABASE_URL, namespace: 'campaign_state' });
 *
 * @throws ArchiveError `unreachable` where Postgres does not answer now and may later (it starts, it has no connection
 *   left, the network is down): call again until your own time is up; `in-use` where another instance has the
 *   namespace; `failed` for what waiting does not change, such as a wrong password, a database that does not exist, or
 *   one that does not meet the requirements
 */
export async function openPostgresArchive(options: PostgresArchiveOptions): Promise<KeyedArchive> {
  const {
    connectionString,
    namespace,
    exclusive,
    sharedLog,
    poolSize = 8,
    analyticsPoolSize = 2,
    statementTimeoutMs = 30_000,
    onConnectionError: onError,
  } = options;
  let lock: NamespaceLock | undefined;
  try {
    await refuseTransactionPooler(createConnections({ connectionString, statementTimeoutMs: CHECK_TIMEOUT_MS }).config);
    const observer = exclusive ?? sharedLog;
    if (observer) {
      lock = await lockNamespace({
        connectionString,
        namespace,
        logIdentity: sharedLog && (() => sharedLog.identity()),
        onLost: (error) => observer.onLockLost?.(error),
        onRegained: () => observer.onLockRegained?.(),
        onConflict: (error) => observer.onLockConflict?.(error),
      });
    }
    await prepare({ connectionString, statementTimeoutMs: MIGRATION_TIMEOUT_MS, size: 2, onError }, namespace);
  } catch (error) {
    await lock?.release();
    throw toArchiveError(error);
  }
  const { db, destroyAll } = connect({ connectionString, statementTimeoutMs, size: poolSize, onError });
  const analytics = connect({ connectionString, statementTimeoutMs, size: analyticsPoolSize, onError });
  const archive = openSqlArchive(db, { namespace, soleUser: exclusive !== undefined, analyticsDb: analytics.db });
  const stop: Archive['stop'] = async (how) => {
    const timeout = setTimeout(() => {
      destroyAll();
      analytics.destroyAll();
    }, STOP_TIMEOUT_MS);
    try {
      await archive.stop(how);
    } finally {
      clearTimeout(timeout);
      await lock?.release();
    }
  };
  let stopping: Promise<void> | undefined;
  return { ...archive, stop: (how) => (stopping ??= stop(how)) };
}

function connect(options: PoolOptions): { db: Kysely<Database>; destroyAll: () => void } {
  const { pool, destroyAll } = createPool(options);
  return {
    db: new Kysely<Database>({ dialect: new PostgresDialect({ pool: createPreparedPool(pool) }) }),
    destroyAll,
  };
}

/** Checks and migrates the database, over connections with a timeout of their own. */
async function prepare(options: PoolOptions, namespace: string): Promise<void> {
  const { pool } = createPool(options);
  const db = new Kysely<Database>({ dialect: new MigrationDialect({ pool }, namespace) });
  try {
    await checkPostgres(db);
    await migrate(db, namespace);
  } finally {
    await db.destroy();
  }
}
