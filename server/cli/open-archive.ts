import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import {
  ArchiveError,
  openPgliteArchive,
  openPostgresArchive,
  type ArchiveErrorKind,
  type NamespaceLockObserver,
} from '../archive/index.ts';
import type { Archive } from '../engine/ports.ts';
import type { RedisLog } from '../log/redis-log.ts';
import type { Config } from './config.ts';

/** Kinds of errors that waiting may resolve. */
const MAY_PASS: ReadonlySet<ArchiveErrorKind> = new Set(['unreachable', 'full', 'read-only']);
/** The pause between two attempts to connect, in milliseconds. */
const RETRY_MS = 500;

/**
 * Opens the archive of the configuration. Retries a database that does not answer yet until `START_TIMEOUT`; every
 * other error is permanent and thrown at once.
 *
 * @param log the Redis log that all instances share; without one the namespace belongs to this instance
 * @returns `undefined` where the configuration has none
 * @throws {ArchiveError} Where the database or the data folder cannot be used.
 * @throws {Error} Where the database does not answer within `START_TIMEOUT`.
 */
export async function openArchive(
  config: Config,
  logger: Logger,
  log?: Pick<RedisLog, 'identity'>,
): Promise<Archive | undefined> {
  const { storage, namespace, startTimeout } = config;
  if (storage.kind === 'none') return undefined;
  if (storage.kind === 'embedded') {
    return openPgliteArchive({
      namespace,
      dataDir: storage.dataDir,
      onCrash: (error) => logger.error({ err: error }, 'the embedded database failed; it is reopened'),
      onRestart: () => logger.info('the embedded database is open again'),
    });
  }
  const lockObserver: NamespaceLockObserver = {
    onLockLost: (error) => logger.error({ err: error }, 'the lock on the namespace was lost'),
    onLockRegained: () => logger.info('the lock on the namespace is held again'),
    onLockConflict: (error) => logger.fatal({ err: error }, 'two logs order the same campaigns'),
  };
  const giveUpAt = Date.now() + startTimeout;
  for (;;) {
    try {
      return await openPostgresArchive({
        namespace,
        connectionString: storage.url,
        // Without Redis the log is in this process: a second instance would order the same campaigns by itself.
        ...(log ? { sharedLog: { ...lockObserver, identity: () => log.identity ?? '' } } : { exclusive: lockObserver }),
        onConnectionError: (error) => logger.warn({ err: error }, 'database connection lost'),
      });
    } catch (error) {
      if (!(error instanceof ArchiveError) || !MAY_PASS.has(error.kind)) throw error;
      if (Date.now() + RETRY_MS > giveUpAt) {
        throw new Error(`DATABASE_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s (${error.message}).`, {
          cause: error,
        });
      }
      logger.warn({ err: error }, 'the database does not answer yet');
      await pause(RETRY_MS);
    }
  }
}
