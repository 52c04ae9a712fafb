import type { Logger } from 'pino';
import packageJson from './package.json' with { type: 'json' };
import { createAuthenticator } from './api/connection/auth.ts';
import type { AuthKey } from './api/connection/auth.ts';
import { createDisabledService } from './api/disabled-service.ts';
import { createHttpServer } from './api/transport/http-server.ts';
import { API_LIMITS } from './api/limits.ts';
import { createLogger } from './api/observability/logging.ts';
import { createMetrics } from './api/observability/metrics.ts';
import { createMutationRate } from './api/connection/mutation-rate.ts';
import { observe } from './api/observability/engine-observer.ts';
import { createOriginPolicy, isLoopback } from './api/transport/origin.ts';
import { watchEventLoopStalls } from './api/observability/event-loop-stall.ts';
import { createMemoryArchive } from './archive/index.ts';
import type { Sections } from './core/document/check.ts';
import type { StartCampaign } from './core/document/normalise.ts';
import { createManager } from './engine/manager.ts';
import type { Archive, OrderedLog } from './engine/ports.ts';
import type { CampaignService } from './engine/service.ts';
import { systemClock } from './engine/system-clock.ts';
import { createMemoryLog } from './log/memory-log.ts';

export interface CampaignServerOptions {
  /** Default `127.0.0.1`. */
  host?: string;
  /** Default 4000; 0: any that is free. */
  port?: number;
  /** A port of its own for `/metrics`. Default: the common one. */
  metricsPort?: number | undefined;
  /**
   * Keeps everything for good, and is stopped with the server. Without one nothing outlives the process, and receipts
   * say `none`.
   */
  archive?: Archive | undefined;
  /** Orders the changes. Default: in this process, for one instance. */
  log?: OrderedLog;
  /** Campaigns that are inserted where there is none of that id. */
  campaigns?: readonly StartCampaign[];
  /** Watched where no id is given. Default: the first of `campaigns`. */
  defaultCampaignId?: string;
  /** Schemas of whole sections, which the server enforces. */
  sections?: Sections;
  /**
   * Where the key for tokens comes from. Default: no key, every caller is a development admin, and only a loopback host
   * is served.
   */
  auth?: AuthKey;
  /** Serves another host without a key. Default false. */
  insecure?: boolean;
  /** Callers without a token may read campaigns that are no drafts. Default false. */
  publicRead?: boolean;
  /** Beside the same origin and loopback; `*` allows all. */
  allowedOrigins?: readonly string[];
  /** `false`: campaign procedures answer `UNAVAILABLE`, health stays up. Default true. */
  enabled?: boolean;
  /** When a mutation is answered that does not say. Default `accepted`. */
  durability?: 'accepted' | 'durable';
  /** Entries that a reader may be behind when its socket has drained, before it gets a snapshot instead. Default 16. */
  subscriberBuffer?: number;
  /**
   * How events reach ws connections: pushed by rooms, encoded once for all who are sent the same; or pulled by an
   * iterator for each. The same stream either way. Default `rooms`.
   */
  fanOut?: 'rooms' | 'iterator';
  /** How long a campaign that nobody uses stays in memory, in milliseconds. Default 10 minutes. */
  idleTtl?: number;
  /** Campaigns in memory at most. Default: no bound with an archive, 10,000 without. */
  maxLoaded?: number | undefined;
  /** Entries that may wait for the archive before mutations get `OVERLOADED`. Default 100,000. */
  maxBacklog?: number;
  /** Mutations a second on one connection, or of one caller over http; 0: any number. Default 1,000. */
  rateLimit?: number;
  /** Open ws connections and SSE streams. Default 20,000. */
  maxConnections?: number;
  /**
   * Bytes that all connections together may hold of what their clients have not read. Default: a quarter of the memory.
   */
  maxUnreadBytes?: number | undefined;
  /** How long a ws connection may take to say who it is, in milliseconds. Default 10 s. */
  admissionMs?: number;
  /** Folder of a built page, served at `/`. */
  site?: string;
  /** Default: JSON lines at `info` on stdout. */
  logger?: Logger;
  /** In development: what `POST /dev/kill` does. Without it that path does not exist. */
  kill?: (() => void) | undefined;
}

export interface CampaignServer {
  /** Where it is reached, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly port: number;
  /** The engine, for callers in the same process. */
  readonly service: CampaignService;
  /**
   * Takes no more, tells clients to connect again, commits what was accepted, and closes everything; within 5 s. False
   * where not all of it could be committed in that time.
   */
  close(): Promise<boolean>;
}

/** What the server runs on. */
interface Engine {
  service: CampaignService;
  ensure(campaign: StartCampaign): Promise<boolean>;
  /** Commits what was accepted and lets the archive go; false where the time did not do. */
  stop(): Promise<boolean>;
}

/** How long the archive may take to commit what was accepted when the server closes, in milliseconds. */
const FLUSH_MS = 3_000;
/** Without an archive, how many entries stay of each campaign. */
const KEPT_IN_MEMORY = 1_000;
/** Without an archive every campaign stays in memory for ever. */
const MAX_LOADED_IN_MEMORY = 10_000;

/**
 * Starts the service: engine, procedures, one port.
 *
 * @throws where the host may not be served without a key, where the port is taken, or where the archive fails
 * @example
 * const archive = await openPgliteArchive({ dataDir: './data', namespace: 'cs' });
 * const server = await createCampaignServer({ archive, port: 4000 });
 */
export async function createCampaignServer(options: CampaignServerOptions = {}): Promise<CampaignServer> {
  const { host = '127.0.0.1', port = 4000, auth = { kind: 'none' }, allowedOrigins = [], campaigns = [] } = options;
  const logger = options.logger ?? createLogger('info');
  if (auth.kind === 'none') warnOfMissingKey(host, options.insecure === true, logger);

  const metrics = createMetrics(() => engine.service.stats());
  const engine = options.enabled === false ? createDisabledEngine() : createEngine();

  function createDisabledEngine(): Engine {
    const stop = async (): Promise<boolean> => {
      await options.archive?.stop({ clean: true });
      return true;
    };
    return { service: createDisabledService(), ensure: async () => false, stop };
  }

  function createEngine(): Engine {
    const { archive = createMemoryArchive({ keepEntries: KEPT_IN_MEMORY }), log = createMemoryLog() } = options;
    const persistent = options.archive !== undefined;
    const defaultCampaignId = options.defaultCampaignId ?? campaigns[0]?.campaignId;
    const manager = createManager({
      log,
      archive,
      clock: systemClock,
      observer: observe(metrics, logger),
      persistent,
      sections: options.sections ?? {},
      durability: options.durability ?? 'accepted',
      subscriberBuffer: options.subscriberBuffer ?? 16,
      idleTtl: options.idleTtl ?? 600_000,
      maxLoaded: options.maxLoaded ?? (persistent ? Number.POSITIVE_INFINITY : MAX_LOADED_IN_MEMORY),
      maxBacklog: options.maxBacklog ?? 100_000,
      ...(defaultCampaignId !== undefined && { defaultCampaignId }),
    });
    return {
      service: manager,
      ensure: (campaign: StartCampaign) => manager.ensure(campaign.campaignId, campaign.state),
      async stop() {
        const clean = await manager.stop(FLUSH_MS);
        await archive.stop({ clean });
        return clean;
      },
    };
  }

  const { service } = engine;
  const http = createHttpServer({
    service,
    authenticator: createAuthenticator({ key: auth, publicRead: options.publicRead === true }),
    policy: createOriginPolicy(allowedOrigins, host),
    rate: createMutationRate(options.rateLimit ?? 1_000),
    metrics,
    logger,
    instance: systemClock.token(),
    version: packageJson.version,
    rooms: options.fanOut !== 'iterator',
    site: options.site,
    metricsPort: options.metricsPort,
    maxConnections: options.maxConnections ?? API_LIMITS.connections,
    maxUnreadBytes: options.maxUnreadBytes,
    admissionMs: options.admissionMs ?? API_LIMITS.admissionMs,
    kill: options.kill,
  });

  let actualPort: number;
  try {
    for (const campaign of campaigns) await engine.ensure(campaign);
    actualPort = (await http.listen(port, host)).port;
  } catch (error) {
    await engine.stop();
    throw error;
  }
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
  logger.info({ url, campaigns: campaigns.length, version: packageJson.version }, 'campaign-state is ready');

  const stopWatching = watchEventLoopStalls((seconds) => {
    metrics.standstills();
    logger.warn({ seconds }, 'this process stood still');
  });

  let closing: Promise<boolean> | undefined;
  return {
    url,
    port: actualPort,
    service,
    close: () =>
      (closing ??= (async () => {
        logger.info('shutting down');
        stopWatching();
        await http.drain();
        await http.close();
        const clean = await engine.stop();
        if (clean) logger.info('everything accepted is committed');
        else logger.error('not everything that was accepted could be committed in time');
        return clean;
      })()),
  };
}

function warnOfMissingKey(host: string, insecure: boolean, logger: Logger): void {
  if (isLoopback(host)) {
    logger.warn({ host }, 'no AUTH_SECRET: every caller on this machine is the development admin "dev"');
    return;
  }
  if (!insecure) {
    throw new Error(
      `Without AUTH_SECRET or AUTH_JWKS_URL only a loopback HOST is served, not ${host}; AUTH_MODE=insecure serves it all the same`,
    );
  }
  logger.warn({ host }, 'AUTH_MODE=insecure: every caller from anywhere is an admin');
}
