import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import {
  ArchiveError,
  createCampaignServer,
  createLogger,
  createRedisLog,
  isLoopback,
  openPgliteArchive,
  openPostgresArchive,
  systemClock,
} from '../server/index.ts';
import type { Archive, CampaignServer, RedisLog } from '../server/index.ts';
import { readConfig } from './config.ts';
import type { Config } from './config.ts';
import { readStartFiles } from './start-files.ts';

/** The place where log, archive and port meet; everything else knows only its ports. */

/** How long everything may take after SIGTERM, in milliseconds. */
const CLOSING_MS = 5_000;
const RETRY_MS = 500;

const read = readConfig(process.env);
if (!read.ok) giveUp(read.message);
const { config } = read;
const logger = createLogger(config.logLevel);

let server: CampaignServer | undefined;
const { close } = closeWithGrace({ delay: CLOSING_MS, logger: false }, async ({ err }) => {
  if (err) logger.fatal({ err }, 'an error that nobody handled; closing');
  const clean = await server?.close();
  if (clean === false) throw new Error('not everything could be committed');
});
// Who started this process is gone, whatever became of it.
process.once('disconnect', close);

try {
  const campaigns = await readStartFiles(import.meta.dirname);
  const archive = config.enabled ? await openArchive(config) : undefined;
  const log = config.enabled ? await openLog(config) : undefined;
  server = await createCampaignServer({
    ...config,
    archive,
    ...(log && { log }),
    campaigns,
    logger,
    site: join(import.meta.dirname, '..', 'demo', 'dist'),
    kill: !config.production && isLoopback(config.host) ? () => process.kill(process.pid, 'SIGKILL') : undefined,
  });
  process.send?.({ url: server.url, storage: describeStorage(config), access: describeAccess(config) });
} catch (error) {
  giveUp(explain(error));
}

/** Waits for a database that does not answer yet; everything else that is wrong with it will not mend itself. */
async function openArchive({ storage, redisUrl, namespace, startTimeout }: Config): Promise<Archive | undefined> {
  if (storage.kind === 'none') return undefined;
  if (storage.kind === 'embedded') return openPgliteArchive({ namespace, dataDir: storage.dataDir });
  const giveUpAt = Date.now() + startTimeout;
  for (;;) {
    try {
      return await openPostgresArchive({
        namespace,
        connectionString: storage.url,
        // Without Redis the log is in this process: a second instance on the same campaigns would order them for itself.
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
        throw new Error(`DATABASE_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s (${error.message}).`, { cause: error });
      }
      logger.warn({ err: error }, 'the database does not answer yet');
      await pause(RETRY_MS);
    }
  }
}

/** The log of many instances, once it answers and is fit to be one; without Redis the server has its own. */
async function openLog({ redisUrl, namespace, startTimeout }: Config): Promise<RedisLog | undefined> {
  if (redisUrl === undefined) return undefined;
  const log = createRedisLog({
    url: redisUrl,
    namespace,
    clock: systemClock,
    onError: (error) => logger.warn({ err: error }, 'Redis does not answer as it should'),
  });
  const late = pause(startTimeout, undefined, { ref: false }).then(() => {
    throw new Error(`REDIS_URL: no answer within START_TIMEOUT, ${startTimeout / 1_000} s.`);
  });
  const { refusals, warnings } = await Promise.race([log.ready(), late]);
  for (const warning of warnings) logger.warn(warning);
  if (refusals.length > 0) throw new Error(`REDIS_URL: ${refusals.join(' ')}`);
  return log;
}

/** One sentence about why there is no server. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Its codes are those of the database and of the data folder, its messages sentences.
  if (error instanceof ArchiveError) return error.message;
  const { host } = config;
  const port = 'port' in error && error.port === config.metricsPort ? `METRICS_PORT ${config.metricsPort}` : `PORT ${config.port}`;
  switch ('code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `${port} on ${host} is in use by another process: stop that one, or set another.`;
    case 'EACCES':
      return `${port} on ${host} may not be used by this user: set another.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is no address of this machine.`;
    default:
      // Whoever throws a plain `Error` has made it a sentence; what the language throws is a defect, and needs its stack.
      if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) {
        logger.fatal({ err: error }, 'the start failed');
      }
      return error.message;
  }
}

function describeStorage({ storage }: Config): string {
  if (storage.kind === 'none') return 'memory only: nothing outlives this process';
  return storage.kind === 'postgres' ? 'Postgres' : `embedded Postgres in ${storage.dataDir}`;
}

function describeAccess({ auth }: Config): string {
  return auth.kind === 'none' ? 'everyone who reaches it is a development admin (there is no AUTH_SECRET)' : 'tokens; npm run token makes one';
}

function giveUp(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
