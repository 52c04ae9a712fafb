import { readFile } from 'node:fs/promises';
import closeWithGrace from 'close-with-grace';
import { createLogger } from '../api/observability/logging.ts';
import { isLoopback } from '../api/transport/origin.ts';
import { createCampaignServer } from '../campaign-server.ts';
import type { CampaignServer } from '../campaign-server.ts';
import type { Sections } from '../core/document/check.ts';
import { announcementOf } from './announcement.ts';
import type { Announcement } from './announcement.ts';
import { readConfig } from './config.ts';
import type { Config, Environment } from './config.ts';
import { END_SIGNALS, onEndSignal } from './end-signals.ts';
import { explain, giveUp } from './commands/explain.ts';
import { openArchive } from './open-archive.ts';
import { openLog } from './open-log.ts';
import { runWorker } from './run-worker.ts';
import { readStartFiles } from './start-files.ts';
import { createWorkers, workerTask } from './workers.ts';

/** The keys of the audit, from their files. */
async function readAuditKeys({
  auditKey,
  auditOldKeys,
}: Config): Promise<{ auditKey?: string; auditOldKeys: string[] }> {
  const read = (name: string, path: string): Promise<string> =>
    readFile(path, 'utf8').catch((cause: unknown) => {
      throw new Error(`${name}: ${path} cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`, {
        cause,
      });
    });
  const old = await Promise.all(auditOldKeys.map((path) => read('AUDIT_OLD_KEYS', path)));
  if (auditKey === undefined) return { auditOldKeys: old };
  return {
    auditKey: auditKey.startsWith('-----BEGIN') ? auditKey : await read('AUDIT_KEY', auditKey),
    auditOldKeys: old,
  };
}

/** Options of {@link runServer}. */
export interface RunOptions {
  readonly env: Environment;
  /** The folder of `default_campaign.json` and `campaigns/*.json`. Default: no campaigns are created at the start. */
  readonly startFiles?: string | undefined;
  /** Schemas of whole sections of the document. */
  readonly sections?: Sections;
  /** The folder of a built page, served at `/`. */
  readonly site?: string;
  /**
   * Whether the parent process restarts this one. Then `POST /dev/kill` kills it as a crash would; not in production,
   * and on loopback only. Default false.
   */
  readonly supervised?: boolean;
}

/** The grace period of the shutdown, in milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 5_000;

/**
 * The composition root of the process: reads the configuration and connects log, archive and port. SIGTERM and SIGINT
 * end the process once accepted entries are committed, a second signal ends it at once. Where the server cannot start,
 * the process ends with one sentence on stderr and exit code 1.
 *
 * @returns once the server accepts connections
 */
export async function runServer({
  env,
  startFiles,
  sections = {},
  site,
  supervised = false,
}: RunOptions): Promise<Announcement> {
  const read = readConfig(env);
  if (!read.ok) giveUp(read.message);
  const { config } = read;
  const task = workerTask();
  if (task) return runWorker(config, task, site);
  const logger = createLogger(config.logLevel);
  const workers = config.enabled && config.workers > 1 ? await createWorkers(config.workers, logger) : undefined;

  let server: CampaignServer | undefined;
  const { close } = closeWithGrace(
    { delay: SHUTDOWN_TIMEOUT_MS, logger: false, skip: [...END_SIGNALS] },
    async ({ err }) => {
      if (err) logger.fatal({ err }, 'uncaught error; shutting down');
      await workers?.stop();
      const clean = await server?.close();
      if (clean === false) throw new Error('not all accepted entries could be committed');
    },
  );
  onEndSignal(close);
  // The parent process has ended, by whatever means.
  process.once('disconnect', close);

  try {
    const campaigns = startFiles === undefined ? [] : await readStartFiles(startFiles);
    const log = config.enabled ? await openLog(config, logger) : undefined;
    const archive = config.enabled ? await openArchive(config, logger, log) : undefined;
    server = await createCampaignServer({
      ...config,
      ...(await readAuditKeys(config)),
      archive,
      ...(log && { log }),
      campaigns,
      sections,
      logger,
      ...(workers && { socket: workers.socket, workerKey: workers.key, scrape: workers.metrics.scrape }),
      ...(site !== undefined && { site }),
      kill:
        supervised && !config.production && isLoopback(config.host)
          ? () => process.kill(process.pid, 'SIGKILL')
          : undefined,
    });
    if (!workers) return announcementOf(server.url, config);
    const { host } = config;
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${await workers.start()}`;
    logger.info({ url, workers: config.workers }, 'campaign-state is ready');
    return announcementOf(url, config);
  } catch (error) {
    giveUp(explain(error, config, logger));
  }
}
