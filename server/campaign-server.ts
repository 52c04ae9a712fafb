import { createHmac } from 'node:crypto';
import { analyticsStoreOf, auditStoreOf, compactionStoreOf, historyStoreOf, keyStoreOf } from './archive-stores.ts';
import packageJson from './package.json' with { type: 'json' };
import { createAuthenticator } from './api/connection/auth.ts';
import type { AuthKey } from './api/connection/auth.ts';
import { createDisabledService } from './api/disabled-service.ts';
import { createHttpServer } from './api/transport/http-server.ts';
import { API_LIMITS } from './api/limits.ts';
import { compressionLevel } from './api/compression.ts';
import { createLogger } from './api/observability/logging.ts';
import { createMetrics } from './api/observability/metrics.ts';
import { createAccessKeys } from './access/access-keys.ts';
import { PRIVATE_NETWORKS } from './api/connection/client-address.ts';
import { createMutationRate } from './api/connection/mutation-rate.ts';
import { createWorkBudgets } from './api/connection/work-budget.ts';
import { createEngineObserver } from './api/observability/engine-observer.ts';
import { checkMissingKey } from './api/transport/missing-key.ts';
import { createOriginPolicy } from './api/transport/origin.ts';
import { watchEventLoopStalls } from './api/observability/event-loop-stall.ts';
import { createMemoryArchive } from './archive/index.ts';
import type { StartCampaign } from './core/document/normalise.ts';
import type { CampaignServerOptions } from './campaign-server-options.ts';
import { createManager } from './engine/manager.ts';
import type { CampaignService } from './engine/service.ts';
import { BACKPRESSURE_BUFFER_ENTRIES } from './engine/streams/backpressure.ts';
import { systemClock } from './engine/system-clock.ts';
import { createMemoryLog } from './log/memory-log.ts';
import { createAuditEvents } from './audit/audit-events.ts';
import { startCompaction } from './audit/compaction.ts';
import { createAuditService, type AuditService } from './audit/audit-service.ts';
import { startSigning } from './audit/signing.ts';
import { readStatementKeys, signCompacted, signDeleted, signRedacted, signReplaced } from './audit/statements.ts';
import type { RelaySettings } from './core/stream/replica.ts';
import { startPeriodicSnapshots } from './snapshot/periodic-snapshots.ts';
import { createSnapshotService, type SnapshotService } from './snapshot/snapshot-service.ts';

/** A running server. */
export interface CampaignServer {
  /** The address that it listens on, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  /** The port that it listens on, also where the option was 0. */
  readonly port: number;
  /** The engine, for callers in the same process. */
  readonly service: CampaignService;
  /**
   * Shuts down within 5 s: stops accepting connections, tells clients to connect again, commits accepted entries, and
   * closes everything. A second call returns the same promise.
   *
   * @returns false where not all accepted entries could be committed in time
   */
  close(): Promise<boolean>;
}

/** The engine with its archive: the real one, or a stand-in where campaign state is switched off. */
interface Engine {
  readonly service: CampaignService;
  readonly snapshots: SnapshotService | undefined;
  readonly audit: AuditService | undefined;
  /** Creates a start campaign where there is none with its id; false where there is. */
  ensure(campaign: StartCampaign): Promise<boolean>;
  /** Commits accepted entries and stops the archive; false where not all could be committed in time. */
  stop(): Promise<boolean>;
}

/** How long after a change others are expected to come, in milliseconds. */
const CHANGING_MS = 1_000;
const DAY_MS = 24 * 60 * 60_000;
/** The grace period for commits to the archive at shutdown, in milliseconds. */
const FLUSH_TIMEOUT_MS = 3_000;
/** Entries that stay of each campaign where there is no archive. */
const MEMORY_ARCHIVE_ENTRIES = 1_000;
/** Campaigns in memory at most where there is no archive, from which they could be loaded again. */
const MEMORY_MAX_LOADED = 10_000;

/**
 * Starts a server: the engine, and its procedures over http, SSE and ws on one port.
 *
 * @example
 *   const archive = await openPgliteArchive({ dataDir: './data', namespace: 'cs' });
 *   const server = await createCampaignServer({ archive, port: 4000, auth: { kind: 'secret', secret } });
 *   process.once('SIGTERM', () => void server.close());
 *
 * @returns once it accepts connections
 * @throws {Error} In one sentence where `host` is not loopback and there is neither a key nor `insecure`.
 * @throws {Error} The system's error (`code` is `EADDRINUSE`, `EACCES`, …) where the port cannot be opened.
 * @throws {ArchiveError} Where a start campaign cannot be created.
 */
export async function createCampaignServer(options: CampaignServerOptions = {}): Promise<CampaignServer> {
  const { host = '127.0.0.1', port = 4000, auth = { kind: 'none' }, allowedOrigins = [], campaigns = [] } = options;
  const { snapshotEvery = 86_400_000 } = options;
  const keys = readStatementKeys(options.auditKey, options.auditOldKeys);
  const logger = options.logger ?? createLogger('info');
  if (auth.kind === 'none') checkMissingKey(host, options.insecure === true, logger);

  const archive = options.archive ?? createMemoryArchive({ keepEntries: MEMORY_ARCHIVE_ENTRIES });
  const instance = systemClock.token();
  const metrics = createMetrics(() => engine.service.stats());
  const engine = options.enabled === false ? createDisabledEngine() : createEngine();

  function createDisabledEngine(): Engine {
    const stop = async (): Promise<boolean> => {
      await options.archive?.stop({ clean: true });
      return true;
    };
    return {
      service: createDisabledService(),
      snapshots: undefined,
      audit: undefined,
      ensure: async () => false,
      stop,
    };
  }

  function createEngine(): Engine {
    const { log = createMemoryLog() } = options;
    const persistent = options.archive !== undefined;
    const engineObserver = createEngineObserver(metrics, logger);
    let changedAt = Number.NEGATIVE_INFINITY;
    const analyticsStore = analyticsStoreOf(archive);
    const auditStore = options.archive && auditStoreOf(options.archive);
    const signing = auditStore && keys.signing && { store: auditStore, key: keys.signing, now: Date.now };
    const defaultCampaignId = options.defaultCampaignId ?? campaigns[0]?.campaignId;
    const manager = createManager({
      log,
      archive,
      clock: systemClock,
      observer: {
        ...engineObserver,
        applied(event) {
          changedAt = performance.now();
          return engineObserver.applied?.(event);
        },
      },
      persistent,
      sections: options.sections ?? {},
      rights: options.rights ?? {},
      durability: options.durability ?? 'accepted',
      subscriberBuffer: options.subscriberBuffer ?? BACKPRESSURE_BUFFER_ENTRIES,
      idleTtl: options.idleTtl ?? 600_000,
      maxLoaded: options.maxLoaded ?? (persistent ? Number.POSITIVE_INFINITY : MEMORY_MAX_LOADED),
      maxBacklog: options.maxBacklog ?? 100_000,
      ...(defaultCampaignId !== undefined && { defaultCampaignId }),
      ...(options.lockPolicy && { lockPolicy: options.lockPolicy }),
      ...(analyticsStore && {
        analytics: {
          store: analyticsStore,
          key: options.analyticsKey ?? derivedAnalyticsKey(auth),
          maxWaiting: options.analyticsBacklog ?? 50_000,
          keepUnitsMs: options.analyticsKeepUnits ?? 90 * DAY_MS,
          keepMinutesMs: options.analyticsKeepMinutes ?? 400 * DAY_MS,
        },
      }),
      ...(auditStore && { redactions: auditStore }),
      ...(signing && { onDeleting: (head) => signDeleted(signing, head) }),
      instance,
    });
    const store = options.archive && historyStoreOf(options.archive);
    const onFailedSigning = (error: Error): void =>
      logger.error({ err: error }, 'where the chains stand was not signed');
    const stopSigning = signing && startSigning(signing, onFailedSigning);
    const { historyKeep } = options;
    const compactionStore = options.archive && compactionStoreOf(options.archive);
    const stopCompaction =
      compactionStore &&
      startCompaction({
        store: compactionStore,
        keep: historyKeep,
        instance,
        now: Date.now,
        sign: signing && ((campaignId, base) => signCompacted(signing, campaignId, base)),
        onCompacted: (entries) => metrics.compactedEntries.inc(entries),
        onFailed: (error) => logger.error({ err: error }, 'histories could not be compacted; it is tried again'),
      });
    const audit =
      auditStore &&
      createAuditService({ store: auditStore, keys, engine: manager, instance, keeps: compactionStore, historyKeep });
    const snapshots =
      store &&
      createSnapshotService({
        store,
        log,
        clock: systemClock,
        version: packageJson.version,
        isChanging: () => performance.now() - changedAt < CHANGING_MS,
        onFailed: (error) => logger.error({ err: error }, 'what abandoned restores have left could not be dropped'),
        onAdopted:
          signing &&
          (async ({ campaignId, version, tail, base, redactions }) => {
            await signReplaced(signing, { campaignId, version, tail });
            if (base) await signCompacted(signing, campaignId, base);
            for (const redaction of redactions) await signRedacted(signing, { campaignId, ...redaction });
          }),
      });
    const periodic =
      snapshots &&
      store &&
      options.snapshotDir !== undefined &&
      startPeriodicSnapshots({
        dir: options.snapshotDir,
        everyMs: snapshotEvery,
        keep: options.snapshotKeep ?? 7,
        increments: options.snapshotIncrements ?? 6,
        store,
        snapshots,
        instance: systemClock.token(),
        now: Date.now,
        onSaved: (run) => logger.info(run, 'a snapshot is saved'),
        onFailed: (error) => logger.error({ err: error }, 'the periodic snapshot failed; it is tried again'),
        onBrokenChain: (error) => logger.warn({ err: error }, 'a whole snapshot is taken in place of an increment'),
      });
    if (periodic) metrics.watchSnapshots(() => ({ everyMs: snapshotEvery, ...periodic.stats }));
    return {
      service: manager,
      snapshots: snapshots && { ...snapshots, periodic: periodic || undefined },
      audit,
      ensure: (campaign: StartCampaign) => manager.ensure(campaign.campaignId, campaign.state),
      async stop() {
        if (periodic) await periodic.stop();
        await stopCompaction?.();
        await stopSigning?.();
        await snapshots?.stop();
        const clean = await manager.stop(FLUSH_TIMEOUT_MS);
        await archive.stop({ clean });
        return clean;
      },
    };
  }

  const { service } = engine;
  const relaySettings: RelaySettings = {
    via: [instance],
    defaultCampaignId: service.defaultCampaignId,
    rights: options.rights ?? {},
    publicRead: options.publicRead === true,
    persistent: options.archive !== undefined,
  };
  const { maxConnections = API_LIMITS.connections } = options;
  const keyStore = keyStoreOf(archive);
  const accessKeys =
    keyStore &&
    createAccessKeys(keyStore, {
      // One label for all links: there are ever new ones.
      onUse: ({ id, previewOf }) => metrics.accessKeyUses.inc({ key: previewOf === undefined ? id : 'preview' }),
    });
  const eventStore = options.archive && auditStoreOf(options.archive);
  const auditEvents =
    eventStore &&
    createAuditEvents({
      store: eventStore,
      instance,
      now: Date.now,
      onFailed: (error) => logger.warn({ err: error }, 'audit events could not be stored; they wait'),
    });
  const { workerKey, fleet } = options;
  const authenticator = createAuthenticator({
    key: auth,
    publicRead: options.publicRead === true,
    accessKeys,
    workerKey,
  });
  const http = createHttpServer({
    service,
    authenticator,
    accessKeys,
    snapshots: engine.snapshots,
    audit: engine.audit,
    auditEvents,
    auditAddresses: options.auditAddresses === true,
    policy: createOriginPolicy(allowedOrigins, host),
    rate: createMutationRate(options.rateLimit ?? 1_000),
    eventRate: createMutationRate(options.eventLimit ?? 1_000, 'events'),
    budgets: createWorkBudgets(options.callLimit ?? API_LIMITS.callPoints),
    trustedProxies: options.trustedProxies ?? PRIVATE_NETWORKS,
    metrics,
    scraped: options.scrape?.(metrics.registry),
    logger,
    instance,
    version: packageJson.version,
    relaySettings,
    rooms: options.fanOut !== 'iterator',
    directCalls: options.calls !== 'trpc',
    deflateLevel: compressionLevel(options.rights ?? {}, options.compression),
    site: options.site,
    metricsPort: options.metricsPort,
    maxConnections,
    maxConnectionsPerCaller:
      options.maxConnectionsPerCaller ?? (auth.kind === 'none' ? maxConnections : Math.ceil(maxConnections * 0.75)),
    maxUnsentBytes: options.maxUnsentBytes,
    admissionMs: options.admissionMs ?? API_LIMITS.admissionMs,
    kill: auth.kind === 'none' ? options.kill : undefined,
    // A primary has no clients: its workers do.
    reportFleet:
      fleet === undefined || options.socket !== undefined
        ? undefined
        : (connections) => service.fleets.report(fleet, instance, connections),
  });

  let actualPort: number;
  try {
    for (const campaign of campaigns) await engine.ensure(campaign);
    actualPort = (await http.listen(options.socket ?? port, host)).port;
  } catch (error) {
    await engine.stop();
    throw error;
  }
  const address = `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`;
  const url = options.socket === undefined ? address : `unix:${options.socket}`;
  logger.info(
    { url, campaigns: campaigns.length, version: packageJson.version },
    options.socket === undefined ? 'campaign-state is ready' : 'the primary is ready',
  );

  const stopWatchingStalls = watchEventLoopStalls((seconds) => {
    metrics.eventLoopStalls();
    logger.warn({ seconds }, 'event loop stalled');
  });

  let closing: Promise<boolean> | undefined;
  return {
    url,
    port: actualPort,
    service,
    close: () =>
      (closing ??= (async () => {
        logger.info('shutting down');
        stopWatchingStalls();
        await http.drain();
        await http.close();
        authenticator.stop();
        await accessKeys?.stop();
        await auditEvents?.stop();
        const clean = await engine.stop();
        if (clean) logger.info('all accepted entries are committed');
        else logger.error('not all accepted entries could be committed in time');
        return clean;
      })()),
  };
}

/** A key for hashes of units that does not give away the secret that it is made of. */
function derivedAnalyticsKey(auth: AuthKey): string {
  return auth.kind === 'secret' ? createHmac('sha256', auth.secret).update('analytics').digest('base64url') : '';
}
