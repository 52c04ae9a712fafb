import closeWithGrace from 'close-with-grace';
import { createLogger } from '../../api/observability/logging.ts';
import { createCampaignRelay, type CampaignRelay } from '../../campaign-relay.ts';
import { relayAnnouncementOf, type Announcement } from '../announcement.ts';
import { readConfig, type Environment } from '../config.ts';
import { END_SIGNALS, onEndSignal } from '../end-signals.ts';
import { explain, giveUp } from './explain.ts';
import { readArguments } from './read-arguments.ts';

const options = { upstream: { type: 'string' }, dir: { type: 'string' } } as const;

/** The grace period of the shutdown, in milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 5_000;

/**
 * The command `relay --upstream wss://… [--dir folder]`: a relay, with `RELAY_KEY` and the variables of a server that
 * concern its own port. It ends by SIGTERM and SIGINT as a server does, and by itself, with exit code 1, when upstream
 * has other settings than those that it began with.
 *
 * @returns once it accepts connections
 */
export async function runRelay(args: readonly string[], given: Environment): Promise<Announcement> {
  const { upstream, dir } = readArguments(args, options, false).values;
  const env = {
    ...given,
    ...(upstream !== undefined && { RELAY_UPSTREAM: upstream }),
    ...(dir !== undefined && { RELAY_DIR: dir }),
  };
  const read = readConfig(env);
  if (!read.ok) giveUp(read.message);
  const { config } = read;
  const { relayUpstream, relayKey, relayDir } = config;
  if (relayUpstream === undefined)
    giveUp(
      '--upstream, or RELAY_UPSTREAM, takes the address of the server to relay, such as wss://campaigns.example.com.',
    );
  const logger = createLogger(config.logLevel);

  let relay: CampaignRelay | undefined;
  const { close } = closeWithGrace(
    { delay: SHUTDOWN_TIMEOUT_MS, logger: false, skip: [...END_SIGNALS] },
    async ({ err }) => {
      if (err) logger.fatal({ err }, 'uncaught error; shutting down');
      await relay?.close();
    },
  );
  onEndSignal(close);
  // The parent process has ended, by whatever means.
  process.once('disconnect', close);

  try {
    relay = await createCampaignRelay({ ...config, upstream: relayUpstream, key: relayKey, relayDir, logger });
    void relay.ended.then(giveUp);
    return relayAnnouncementOf(relay.url, config);
  } catch (error) {
    giveUp(explain(error, config, logger));
  }
}
