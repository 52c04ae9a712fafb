import packageJson from './package.json' with { type: 'json' };
import { compressionLevel } from './api/compression.ts';
import { createAuthenticator } from './api/connection/auth.ts';
import type { AuthKey } from './api/connection/auth.ts';
import { PRIVATE_NETWORKS } from './api/connection/client-address.ts';
import { createMutationRate } from './api/connection/mutation-rate.ts';
import { createWorkBudgets } from './api/connection/work-budget.ts';
import { API_LIMITS } from './api/limits.ts';
import { createEngineObserver } from './api/observability/engine-observer.ts';
import { watchEventLoopStalls } from './api/observability/event-loop-stall.ts';
import { createLogger } from './api/observability/logging.ts';
import { createMetrics } from './api/observability/metrics.ts';
import { createHttpServer } from './api/transport/http-server.ts';
import { createForwardedDownloads } from './api/transport/forwarded-downloads.ts';
import { checkMissingKey } from './api/transport/missing-key.ts';
import { createOriginPolicy } from './api/transport/origin.ts';
import type { CampaignServerOptions } from './campaign-server-options.ts';
import type { RelaySettings } from './core/stream/replica.ts';
import { createManager } from './engine/manager.ts';
import type { ServiceStats } from './engine/service.ts';
import { BACKPRESSURE_BUFFER_ENTRIES } from './engine/streams/backpressure.ts';
import { systemClock } from './engine/system-clock.ts';
import { createAttendance } from './relay/presence/attendance.ts';
import { createForwarding } from './relay/forwarding.ts';
import { NO_FOLDER, openRelayFolder } from './relay/relay-folder.ts';
import { createRelayMetrics } from './relay/relay-metrics.ts';
import { createReplicas } from './relay/replicas.ts';
import { startSaving } from './relay/saving.ts';
import { parseFleetLoad } from './relay/settings.ts';
import { createUpstreamArchive } from './relay/upstream-archive.ts';
import { createUpstreamKeys } from './relay/upstream-keys.ts';
import { createUpstreamLink } from './relay/upstream-link.ts';
import { createUpstreamLog } from './relay/upstream-log.ts';
import { createUpstreamPresence } from './relay/presence/upstream-presence.ts';

/** Options of a server that a relay has too, with the same meaning and defaults. */
type SharedOptions = Pick<
  CampaignServerOptions,
  | 'host'
  | 'port'
  | 'metricsPort'
  | 'auth'
  | 'insecure'
  | 'allowedOrigins'
  | 'subscriberBuffer'
  | 'fanOut'
  | 'idleTtl'
  | 'maxLoaded'
  | 'rateLimit'
  | 'callLimit'
  | 'eventLimit'
  | 'fleet'
  | 'trustedProxies'
  | 'maxConnections'
  | 'maxConnectionsPerCaller'
  | 'maxUnsentBytes'
  | 'admissionMs'
  | 'compression'
  | 'site'
  | 'scrape'
  | 'logger'
>;

/** Options of {@link createCampaignRelay}. */
export interface CampaignRelayOptions extends SharedOptions {
  /**
   * The server that it stands before, an instance or another relay: `wss://…`, `ws://…`, `https://…` or `http://…`, or
   * `unix:` and the path of a socket.
   */
  readonly upstream: string;
  /**
   * What it shows upstream: an access key, or a token, with the grant `relay`. Default: none, for an upstream that asks
   * nobody for a token.
   */
  readonly key?: string | undefined;
  /** A folder in which it keeps what it has last seen, so that it can start while upstream is away. Default: none. */
  readonly relayDir?: string | undefined;
  /** How long upstream may take to answer at the start, where nothing is stored; milliseconds. Default 30,000. */
  readonly startTimeout?: number;
}

/** A running relay. */
export interface CampaignRelay {
  /** The address that it listens on, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly port: number;
  /** Whether its upstream is there. */
  readonly isUp: boolean;
  /** Figures, as of a server. */
  stats(): ServiceStats;
  /**
   * Resolves, with one sentence, when it cannot go on: its upstream has other settings than those that it has shown
   * campaigns by. It is closed then; what starts it again starts it with the new ones.
   */
  readonly ended: Promise<string>;
  /**
   * Stops within 2 s: tells clients to connect again, and closes everything. A second call returns the same promise.
   */
  close(): Promise<void>;
}

/** How long upstream may take to say what its fleet has, in milliseconds. */
const FLEET_TIMEOUT_MS = 5_000;

/** How long what waits in queues may take at the end, in milliseconds: there is nothing to commit. */
const STOP_TIMEOUT_MS = 50;

/**
 * Starts a relay: a server without a database, which shows the campaigns of another one. It holds one connection to
 * that, and one stream for each campaign in use, whoever watches; it judges each caller by its own token. What it
 * cannot answer it forwards, with the caller's token.
 *
 * @example
 *   const relay = await createCampaignRelay({ upstream: 'wss://campaigns.example.com', key, port: 4100, auth });
 *
 * @returns once it accepts connections
 * @throws {Error} In one sentence where upstream does not answer in time and nothing is stored, and where `host` is not
 *   loopback and there is neither a key nor `insecure`.
 * @throws {Error} The system's error (`code` is `EADDRINUSE`, `EACCES`, …) where the port cannot be opened.
 */
export async function createCampaignRelay(options: CampaignRelayOptions): Promise<CampaignRelay> {
  const { host = '127.0.0.1', port = 4000, auth = { kind: 'none' }, maxConnections = API_LIMITS.connections } = options;
  const { fleet } = options;
  const logger = options.logger ?? createLogger('info');
  if (auth.kind === 'none') checkMissingKey(host, options.insecure === true, logger);
  const folder = options.relayDir === undefined ? NO_FOLDER : await openRelayFolder(options.relayDir);
  const instance = systemClock.token();
  const metrics = createMetrics(() => manager.stats());
  const counts = createRelayMetrics(metrics.registry, () => link.isUp);

  const stored = await folder.settings();
  const first = Promise.withResolvers<RelaySettings>();
  const ended = Promise.withResolvers<string>();
  let settings: RelaySettings | undefined;
  let problem: string | undefined;

  const onChange = (next: RelaySettings | undefined, why: string | undefined): void => {
    problem = why;
    if (!next) {
      logger.warn({ why }, 'upstream is away');
      return;
    }
    counts.onConnected();
    logger.info({ upstream: next.via }, 'upstream is there');
    first.resolve(next);
    settings ??= next;
    void folder
      .saveSettings(next)
      .catch((error: unknown) => logger.warn({ err: error }, 'RELAY_DIR cannot be written'));
    if (!isSame(settings, next)) {
      ended.resolve('Upstream has other settings now; the relay has to start anew to show campaigns by these.');
      return;
    }
    replicas.onUp();
    others.onUp();
    forwarding.onUp();
  };
  const link = createUpstreamLink({
    url: options.upstream,
    key: options.key,
    instance,
    onChange,
    onBytes: counts.onBytes,
  });
  const onDistrust = (campaignId: string, why: string): void => {
    counts.onDistrusted();
    logger.warn({ campaignId, why }, 'what upstream has sent cannot be right; it is asked again');
  };
  const replicas = createReplicas({
    link,
    clock: systemClock,
    stored: folder.image,
    onDistrust,
  });
  const others = createUpstreamPresence(link, systemClock, onDistrust);
  const forwarding = createForwarding(link, replicas, () => keys.recheck());

  const begun = await firstSettings(first.promise, stored, options.startTimeout ?? 30_000).catch((error: unknown) => {
    link.stop();
    replicas.stop();
    others.stop();
    throw new Error(`Upstream has not answered in time: ${problem ?? 'there is no connection'}.`, { cause: error });
  });
  settings = begun;

  const manager = createManager({
    log: createUpstreamLog(link, replicas, others, () => problem),
    archive: createUpstreamArchive({ link, replicas, stored: folder.image }),
    clock: systemClock,
    observer: createEngineObserver(metrics, logger),
    persistent: begun.persistent,
    rights: begun.rights,
    subscriberBuffer: options.subscriberBuffer ?? BACKPRESSURE_BUFFER_ENTRIES,
    idleTtl: options.idleTtl ?? 600_000,
    ...(options.maxLoaded !== undefined && { maxLoaded: options.maxLoaded }),
    ...(begun.defaultCampaignId !== undefined && { defaultCampaignId: begun.defaultCampaignId }),
    instance,
  });
  const saving = startSaving({ folder, replicas, images: manager.replicas, logger });
  const keys = createUpstreamKeys(link, Date.now);
  const authenticator = createAuthenticator({ key: auth, publicRead: begun.publicRead, accessKeys: keys });
  const http = createHttpServer({
    service: manager,
    authenticator,
    accessKeys: undefined,
    snapshots: undefined,
    audit: undefined,
    auditEvents: undefined,
    auditAddresses: false,
    policy: createOriginPolicy(options.allowedOrigins ?? [], host),
    rate: createMutationRate(options.rateLimit ?? 1_000),
    eventRate: createMutationRate(options.eventLimit ?? 1_000, 'events'),
    budgets: createWorkBudgets(options.callLimit ?? API_LIMITS.callPoints),
    trustedProxies: options.trustedProxies ?? PRIVATE_NETWORKS,
    metrics,
    scraped: options.scrape?.(metrics.registry),
    downloads: createForwardedDownloads(options.upstream),
    logger,
    instance,
    version: packageJson.version,
    relaySettings: { ...begun, via: [instance, ...begun.via] },
    upstream: { ...forwarding, ...createAttendance(forwarding, systemClock) },
    rooms: options.fanOut !== 'iterator',
    directCalls: true,
    deflateLevel: compressionLevel(begun.rights, options.compression),
    site: options.site,
    metricsPort: options.metricsPort,
    maxConnections,
    maxConnectionsPerCaller: options.maxConnectionsPerCaller ?? placesOf(auth, maxConnections),
    maxUnsentBytes: options.maxUnsentBytes,
    admissionMs: options.admissionMs ?? API_LIMITS.admissionMs,
    kill: undefined,
    reportFleet:
      fleet === undefined
        ? undefined
        : async (connections) =>
            parseFleetLoad(await link.query('relay.fleet', { fleet, member: instance, connections }, FLEET_TIMEOUT_MS)),
  });

  const stop = async (): Promise<void> => {
    authenticator.stop();
    keys.stop();
    await saving.stop();
    await manager.stop(STOP_TIMEOUT_MS);
    replicas.stop();
    others.stop();
    link.stop();
  };

  let actualPort: number;
  try {
    actualPort = (await http.listen(port, host)).port;
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
  logger.info({ url, upstream: begun.via, version: packageJson.version }, 'campaign-state relay is ready');
  const stopWatchingStalls = watchEventLoopStalls((seconds) => {
    metrics.eventLoopStalls();
    logger.warn({ seconds }, 'event loop stalled');
  });

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      logger.info('shutting down');
      stopWatchingStalls();
      await http.drain();
      await http.close();
      await stop();
    })());

  return {
    url,
    port: actualPort,
    get isUp() {
      return link.isUp;
    },
    stats: () => manager.stats(),
    ended: ended.promise.then(async (why) => {
      await close();
      return why;
    }),
    close,
  };
}

function placesOf(auth: AuthKey, maxConnections: number): number {
  return auth.kind === 'none' ? maxConnections : Math.ceil(maxConnections * 0.75);
}

/** Upstream's settings; where it does not answer in time, those that were stored. */
async function firstSettings(
  told: Promise<RelaySettings>,
  stored: RelaySettings | undefined,
  timeoutMs: number,
): Promise<RelaySettings> {
  const timeout = Promise.withResolvers<RelaySettings>();
  const timer = setTimeout(
    () => (stored ? timeout.resolve(stored) : timeout.reject(new Error('timeout'))),
    stored ? Math.min(timeoutMs, STORED_AFTER_MS) : timeoutMs,
  );
  try {
    return await Promise.race([told, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long a relay that has stored something waits for its upstream at the start, in milliseconds. */
const STORED_AFTER_MS = 2_000;

/** Whether campaigns are shown in the same way under both; where upstream's own upstream stands does not matter. */
function isSame(one: RelaySettings, other: RelaySettings): boolean {
  const shownBy = ({ defaultCampaignId, rights, publicRead, persistent }: RelaySettings): string =>
    JSON.stringify([defaultCampaignId, rights, publicRead, persistent]);
  return shownBy(one) === shownBy(other);
}
