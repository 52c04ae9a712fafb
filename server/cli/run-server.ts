import closeWithGrace from 'close-with-grace';
import { createLogger } from '../api/observability/logging.ts';
import { isLoopback } from '../api/transport/origin.ts';
import { createCampaignServer } from '../campaign-server.ts';
import type { CampaignServer } from '../campaign-server.ts';
import { announcementOf } from './announcement.ts';
import type { Announcement } from './announcement.ts';
import { readConfig } from './config.ts';
import type { Environment } from './config.ts';
import { END_SIGNALS, onEndSignal } from './end-signals.ts';
import { explain } from './explain.ts';
import { giveUp } from './give-up.ts';
import { openArchive } from './open-archive.ts';
import { openLog } from './open-log.ts';
import { readStartFiles } from './start-files.ts';

export interface RunOptions {
  env: Environment;
  /** The folder of `default_campaign.json` and `campaigns/*.json`; without one, nothing is inserted. */
  startFiles?: string | undefined;
  /** Folder of a built page, served at `/`. */
  site?: string;
  /**
   * Whoever started this process starts it again: outside of production, on loopback, `POST /dev/kill` ends it as a
   * crash would.
   */
  revived?: boolean;
}

/** How long everything may take after SIGTERM, in milliseconds. */
const CLOSING_MS = 5_000;

/**
 * This process as a server: the place where configuration, log, archive and port meet; everything else knows only its
 * ports. Ends on SIGTERM and SIGINT once what was accepted is committed, on a second signal at once. Where it cannot
 * start, the process ends with one sentence on stderr and exit code 1.
 *
 * @returns once it answers
 */
export async function runServer({ env, startFiles, site, revived = false }: RunOptions): Promise<Announcement> {
  const read = readConfig(env);
  if (!read.ok) giveUp(read.message);
  const { config } = read;
  const logger = createLogger(config.logLevel);

  let server: CampaignServer | undefined;
  const { close } = closeWithGrace({ delay: CLOSING_MS, logger: false, skip: [...END_SIGNALS] }, async ({ err }) => {
    if (err) logger.fatal({ err }, 'an error that nobody handled; closing');
    const clean = await server?.close();
    if (clean === false) throw new Error('not everything could be committed');
  });
  onEndSignal(close);
  // Who started this process is gone, whatever became of it.
  process.once('disconnect', close);

  try {
    const campaigns = startFiles === undefined ? [] : await readStartFiles(startFiles);
    const archive = config.enabled ? await openArchive(config, logger) : undefined;
    const log = config.enabled ? await openLog(config, logger) : undefined;
    server = await createCampaignServer({
      ...config,
      archive,
      ...(log && { log }),
      campaigns,
      logger,
      ...(site !== undefined && { site }),
      kill:
        revived && !config.production && isLoopback(config.host)
          ? () => process.kill(process.pid, 'SIGKILL')
          : undefined,
    });
    return announcementOf(server.url, config);
  } catch (error) {
    giveUp(explain(error, config, logger));
  }
}
