import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ArchiveError, openPgliteArchive, openPostgresArchive } from '../archive/index.ts';
import type { Archive } from '../engine/ports.ts';
import type { Config } from './config.ts';

const RETRY_MS = 500;

/**
 * The archive that the configuration names; `undefined`: none. Waits for a database that does not answer yet;
 * everything else that is wrong with it will not mend itself.
 */
export async function openArchive(config: Config, logger: Logger): Promise<Archive | undefined> {
  const { storage, redisUrl, namespace, startTimeout } = config;
  if (storage.kind === 'none') return undefined;
  if (storage.kind === 'embedded') {
    return openPgliteArchive({
      namespace,
      dataDir: storage.dataDir,
      onBroken: (error) => logger.error({ err: error }, 'the embedded database broke down; it is opened again'),
      onMended: () => logger.info('the embedded database is open again'),
    });
  }
  const giveUpAt = Date.now() + startTimeout;
  for (;;) {
    try {
      return await openPostgresArchive({
        namespace,
        connectionString: storage.url,
        // Without Redis the log is in this process: a second instance on the same campaigns would order them for
        // itself.
        ...(redisUrl === undefined && {
          exclusive: {
            onLockLost: (error: Error) => logger.error({ err: error }, 'the lock on the namespace was lost'),
            onLockRegained: () => logger.info('the lock on the namespace is held again'),
          },
        }),
        onConnectionError: (error) => logger.warn({ err: error }, 'a connection to the database broke'),
      });
    } catch (error) {
      if (!(error instanceof ArchiveError) || error.kind !== 'unreachable') throw error;
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
