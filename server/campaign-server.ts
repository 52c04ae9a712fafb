import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ScrapedMetrics } from './api/observability/health.ts';
import packageJson from './package.json' with { type: 'json' };
import { createAuthenticator } from './api/connection/auth.ts';
import type { AuthKey } from './api/connection/auth.ts';
import { createDisabledService } from './api/disabled-service.ts';
import { createHttpServer } from './api/transport/http-server.ts';
import { API_LIMITS } from './api/limits.ts';
import { DEFAULT_DEFLATE_LEVEL } from './api/procedures/subscriptions/deflated-frames.ts';
import { createLogger } from './api/observability/logging.ts';
import { createMetrics } from './api/observability/metrics.ts';
import { createAccessKeys } from './access/access-keys.ts';
import { createMemoryKeyStore } from './access/memory-key-store.ts';
import type { AccessKeyStore } from './core/access-key.ts';
import type { CompactionStore, HistoryKeep } from './core/compaction-store.ts';
import type { HistoryStore } from './core/history-store.ts';
import { PRIVATE_NETWORKS } from './api/connection/client-address.ts';
import { createMutationRate } from './api/connection/mutation-rate.ts';
import { createWorkBudgets } from './api/connection/work-budget.ts';
import { createEngineObserver } from './api/observability/engine-observer.ts';
import { checkMissingKey } from './api/transport/missing-key.ts';
import { createOriginPolicy } from './api/transport/origin.ts';
import { watchEventLoopStalls } from './api/observability/event-loop-stall.ts';
import { createMemoryArchive } from './archive/index.ts';
import type { Sections } from './core/document/check.ts';
import type { FieldRights } from './core/permissions.ts';
import type { StartCampaign } from './core/document/normalise.ts';
import { createManager } from './engine/manager.ts';
import type { Archive, OrderedLog } from './engine/ports.ts';
import type { CampaignService } from './engine/service.ts';
import { BACKPRESSURE_BUFFER_ENTRIES } from './engine/streams/backpressure.ts';
import { systemClock } from './engine/system-clock.ts';
import { createMemoryLog } from './log/memory-log.ts';
import { createAuditEvents } from './audit/audit-events.ts';
import { startCompaction } from './audit/compaction.ts';
import { createAuditService, type AuditService } from './audit/audit-service.ts';
import { startSigning } from './audit/signing.ts';
import { readStatementKeys, signCompacted, signDeleted, signRedacted, signReplaced } from './audit/statements.ts';
import type { AnalyticsStore } from './core/analytics/analytics-store.ts';
import type { HeldPlaceStore } from './core/targeting/held-place-store.ts';
import type { AuditStore } from './core/audit-store.ts';
import type { RelaySettings } from './core/stream/replica.ts';
import { startPeriodicSnapshots } from './snapshot/periodic-snapshots.ts';
import { createSnapshotService, type SnapshotService } from './snapshot/snapshot-service.ts';

/** Options of {@link createCampaignServer}. Every one has a default. */
export interface CampaignServerOptions {
  /** The host name or address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
  /** The port to listen on; 0 takes any free one. Default 4000. */
  readonly port?: number;
  /** A separate port for `/metrics`; 0 takes any free one. Default: `/metrics` is served on `port`. */
  readonly metricsPort?: number | undefined;
  /**
   * Persists campaigns and their history; it is stopped with the server. Default: none, nothing outlives the process,
   * and receipts say `none`.
   */
  readonly archive?:
    | (Archive &
        Partial<AccessKeyStore> &
        Partial<HistoryStore> &
        Partial<AuditStore> &
        Partial<CompactionStore> &
        Partial<AnalyticsStore & HeldPlaceStore>)
    | undefined;
  /**
   * Orders the mutations of each campaign. Default: in this process, which must then be the only one on its archive.
   */
  readonly log?: OrderedLog;
  /** Campaigns that are created at the start where the archive has none with their id. Default: none. */
  readonly campaigns?: readonly StartCampaign[];
  /** The campaign of calls without a `campaignId`. Default: the first of `campaigns`. */
  readonly defaultCampaignId?: string;
  /** Who may take over the locks of others. Default `admins`. */
  readonly lockPolicy?: 'admins' | 'editors';
  /** Schemas of whole sections of the document, from `defineSections`; mutations are checked against them. */
  readonly sections?: Sections;
  /**
   * Rights by top-level field, narrower than the roles on a campaign: states, streams, history, differences and
   * refusals follow. Default: none.
   *
   * @throws TypeError where a role is none
   * @example { scripts: { write: 'admin' }, commerce: { read: 'editor' } }
   */
  readonly rights?: FieldRights;
  /**
   * The key that tokens are verified with. Default `{ kind: 'none' }`: every caller is a development admin, and only a
   * loopback `host` is served.
   */
  readonly auth?: AuthKey;
  /** Allows a `host` that other machines reach without a key. Default false. */
  readonly insecure?: boolean;
  /** Whether callers without a token may read campaigns that are not drafts. Default false. */
  readonly publicRead?: boolean;
  /**
   * Web origins whose pages may connect, such as `https://app.example.com`; `*` allows all. Default: none beside the
   * same origin and loopback.
   */
  readonly allowedOrigins?: readonly string[];
  /** `false` switches campaign procedures off: they answer `UNAVAILABLE`, health checks stay up. Default true. */
  readonly enabled?: boolean;
  /** When mutations are answered whose caller does not say. Default `accepted`. */
  readonly durability?: 'accepted' | 'durable';
  /** Entries that a backpressured subscriber may miss before it gets a snapshot in their place. Default 16. */
  readonly subscriberBuffer?: number;
  /**
   * How events reach ws connections. `rooms`: pushed, encoded once for all subscribers of the same view; `iterator`:
   * pulled by an iterator for each subscription. The streams are the same. Default `rooms`.
   */
  readonly fanOut?: 'rooms' | 'iterator';
  /**
   * How calls are answered. `direct`: by their parser and resolver alone, and on ws without tRPC's adapter; `trpc`: by
   * tRPC's own adapter and chain of middlewares, which cost more. The messages are the same. Default `direct`.
   */
  readonly calls?: 'direct' | 'trpc';
  /**
   * Level, 1 to 9, at which events of 1 KB and more are compressed for ws clients that offer `permessage-deflate`: once
   * for all who are sent the same. 0: not at all, which is so anyway where `rights` keep a field from readers. Default
   * 4.
   */
  readonly compression?: number;
  /** How long a campaign stays in memory without use, in milliseconds. Default 600,000, ten minutes. */
  readonly idleTtl?: number;
  /** Campaigns in memory at most. Default: no bound with an archive, 10,000 without. */
  readonly maxLoaded?: number | undefined;
  /** Entries that may wait for the archive before mutations are refused with `OVERLOADED`. Default 100,000. */
  readonly maxBacklog?: number;
  /**
   * Mutations a second of one ws connection, or of one caller over http; four times as many of one caller over all of
   * them; 0: no limit. Default 1,000.
   */
  readonly rateLimit?: number;
  /**
   * Points of work a second of one ws connection, and of one address without a valid token; four times as many of one
   * caller over all its connections and requests; 0: no limit. A query costs 1 point, one of the history 8, a
   * subscription 10, 256 bytes of what is sent beyond the first KiB 1, 4 KiB of an answer 1, a refusal 4 more. Ws
   * connections beyond it wait, http requests are refused with `RATE_LIMITED`. Default 2,000.
   */
  readonly callLimit?: number;
  /**
   * Networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` names the client's address. Default: loopback
   * and private networks.
   */
  readonly trustedProxies?: readonly string[];
  /** Ws connections and SSE streams that may be open; connections of all kinds may be 64 more. Default 20,000. */
  readonly maxConnections?: number;
  /**
   * Ws connections and SSE streams that one caller may have open: by its id, or without a valid token by its address.
   * Default: three quarters of `maxConnections`, and all of them where there is no key.
   */
  readonly maxConnectionsPerCaller?: number | undefined;
  /**
   * Bytes that all connections together may hold, unsent or of unfinished requests, before those that hold the most are
   * cut. Default: a quarter of the memory.
   */
  readonly maxUnsentBytes?: number | undefined;
  /** How long a ws connection may take to present a valid token, in milliseconds. Default 10,000. */
  readonly admissionMs?: number;
  /**
   * The folder of a built page, served at `/` from memory: its files are read at the start, at most 64 MiB. Default: a
   * page that says that there is none.
   */
  readonly site?: string;
  /**
   * The folder in which snapshots are saved by themselves, by one of the instances; the same folder for all of them, or
   * one of each. It needs an archive. Default: none are.
   */
  readonly snapshotDir?: string | undefined;
  /** Milliseconds from one snapshot to the next. Default 86,400,000, a day. */
  readonly snapshotEvery?: number;
  /** Snapshots that are kept, the newest, beside those that they rest on. Default 7. */
  readonly snapshotKeep?: number;
  /** Increments between two whole snapshots, at most. Default 6; 0: all are whole. */
  readonly snapshotIncrements?: number;
  /**
   * An Ed25519 private key in PEM, which signs again and again where the chains of hashes stand, so that rows that were
   * written anew are found. Default: nothing is signed.
   *
   * @throws Error in one sentence where it is none
   */
  readonly auditKey?: string | undefined;
  /** Public keys in PEM whose signatures count too, such as that of a key that was replaced. Default: none. */
  readonly auditOldKeys?: readonly string[];
  /**
   * What is kept of each history: what one of the two keeps. Older entries are compacted away behind a checkpoint.
   * Default: everything is kept.
   */
  readonly historyKeep?: HistoryKeep | undefined;
  /** Whether audit events, and entries for the audit, hold network addresses. Default false. */
  readonly auditAddresses?: boolean;
  /**
   * Key of the hashes under which people are counted; a new one counts everybody anew. Default: derived from the secret
   * of `auth`, where that has one, else the random salt of each campaign alone.
   */
  readonly analyticsKey?: string | undefined;
  /** Events that may wait to be recorded before more are refused with `OVERLOADED`. Default 50,000. */
  readonly analyticsBacklog?: number;
  /** How long units are kept after their rule has ended, in milliseconds. Default: 90 days. */
  readonly analyticsKeepUnits?: number;
  /** How long the minutes of timelines are kept, in milliseconds. Default: 400 days. */
  readonly analyticsKeepMinutes?: number;
  /**
   * Events a second of one ws connection, or of one caller over http; four times as many of one caller over all of
   * them; 0: no limit. Default 1,000.
   */
  readonly eventLimit?: number;
  /**
   * The path of a unix socket to listen on in place of `port`, for processes of this machine that relay this server.
   * Default: none.
   */
  readonly socket?: string | undefined;
  /** What such a process shows it as its key; a secret of at least 32 random bytes. Default: none is accepted. */
  readonly workerKey?: string | undefined;
  /** What `/metrics` answers with, of the registry of this server's own. Default: that. */
  readonly scrape?: ((registry: Registry) => ScrapedMetrics) | undefined;
  /** Default: JSON lines at `info` on stdout (`createLogger`). */
  readonly logger?: Logger;
  /**
   * In development: what `POST /dev/kill` does. Default: that path does not exist, and neither where there is a key.
   */
  readonly kill?: (() => void) | undefined;
}

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
    const { archive = createMemoryArchive({ keepEntries: MEMORY_ARCHIVE_ENTRIES }), log = createMemoryLog() } = options;
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
  const keyStore = options.archive === undefined ? createMemoryKeyStore() : keyStoreOf(options.archive);
  const accessKeys = keyStore && createAccessKeys(keyStore, { onUse: (key) => metrics.accessKeyUses.inc({ key }) });
  const eventStore = options.archive && auditStoreOf(options.archive);
  const auditEvents =
    eventStore &&
    createAuditEvents({
      store: eventStore,
      instance,
      now: Date.now,
      onFailed: (error) => logger.warn({ err: error }, 'audit events could not be stored; they wait'),
    });
  const { workerKey } = options;
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
    // An editor who may not read a field must not learn of it by the length of what others are sent.
    deflateLevel: Object.values(options.rights ?? {}).some(({ read }) => read !== undefined && read !== 'viewer')
      ? 0
      : (options.compression ?? DEFAULT_DEFLATE_LEVEL),
    site: options.site,
    metricsPort: options.metricsPort,
    maxConnections,
    maxConnectionsPerCaller:
      options.maxConnectionsPerCaller ?? (auth.kind === 'none' ? maxConnections : Math.ceil(maxConnections * 0.75)),
    maxUnsentBytes: options.maxUnsentBytes,
    admissionMs: options.admissionMs ?? API_LIMITS.admissionMs,
    kill: auth.kind === 'none' ? options.kill : undefined,
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

/** The archive's storage of API keys; `undefined` for an archive that has none. */
function keyStoreOf(archive: Archive & Partial<AccessKeyStore>): AccessKeyStore | undefined {
  const { insertKey, listKeys, findKey, revokeKey, markKeysUsed } = archive;
  const isComplete = insertKey && listKeys && findKey && revokeKey && markKeysUsed;
  return isComplete && { insertKey, listKeys, findKey, revokeKey, markKeysUsed };
}

/** The archive as storage that compacts histories; `undefined` for one that does not. */
function compactionStoreOf(archive: Archive & Partial<CompactionStore>): CompactionStore | undefined {
  const { claimCompaction, findCompactable, setBase, deleteCompacted, findKeep, setKeep, hasKeeps } = archive;
  const isComplete = claimCompaction && findCompactable && setBase && deleteCompacted;
  if (!isComplete || !findKeep || !setKeep || !hasKeeps) return undefined;
  return { claimCompaction, findCompactable, setBase, deleteCompacted, findKeep, setKeep, hasKeeps };
}

/** The archive as storage of the audit; `undefined` for one that keeps none. */
function auditStoreOf(
  archive: Archive & Partial<HistoryStore> & Partial<AuditStore>,
): (Archive & HistoryStore & AuditStore) | undefined {
  return isHistoryStore(archive) && isAuditStore(archive) ? archive : undefined;
}

function isAuditStore<A extends Archive>(archive: A & Partial<AuditStore>): archive is A & AuditStore {
  const { findEntries, appendEvents, readEvents, newestEvents } = archive;
  const { unsignedHeads, lastStatement, appendStatement, readStatements } = archive;
  const events = [findEntries, appendEvents, readEvents, newestEvents];
  const { redact, redactionsAfter, markForgotten } = archive;
  const statements = [unsignedHeads, lastStatement, appendStatement, readStatements];
  return [...events, ...statements, redact, redactionsAfter, markForgotten].every((method) => method !== undefined);
}

/** The archive as storage of events; `undefined` for one that keeps none. */
function analyticsStoreOf(
  archive: Archive & Partial<AnalyticsStore & HeldPlaceStore>,
): (AnalyticsStore & HeldPlaceStore) | undefined {
  return isAnalyticsStore(archive) ? archive : undefined;
}

function isAnalyticsStore(
  archive: Archive & Partial<AnalyticsStore & HeldPlaceStore>,
): archive is Archive & AnalyticsStore & HeldPlaceStore {
  const { recordEvents, countUnits, sumMetric, readTimeline, recordViewers, readPaints } = archive;
  const { campaignSalt, forgetUnits, forgetCampaign, listPhases, markPhases, sweepAnalytics } = archive;
  const { holdPlaces, findHeldPlaces, listHeldLines, markHeldLines, sweepHeldPlaces } = archive;
  const counts = [recordEvents, countUnits, sumMetric, readTimeline, recordViewers, readPaints];
  const places = [holdPlaces, findHeldPlaces, listHeldLines, markHeldLines, sweepHeldPlaces];
  return [
    ...counts,
    ...places,
    campaignSalt,
    forgetUnits,
    forgetCampaign,
    listPhases,
    markPhases,
    sweepAnalytics,
  ].every((method) => method !== undefined);
}

/** A key for hashes of units that does not give away the secret that it is made of. */
function derivedAnalyticsKey(auth: AuthKey): string {
  return auth.kind === 'secret' ? createHmac('sha256', auth.secret).update('analytics').digest('base64url') : '';
}

/** The archive as storage of whole histories; `undefined` for one that moves none. */
function historyStoreOf(
  archive: Archive & Partial<HistoryStore> & Partial<AuditStore>,
): (Archive & HistoryStore & AuditStore) | undefined {
  return auditStoreOf(archive);
}

function isHistoryStore(archive: Archive & Partial<HistoryStore>): archive is Archive & HistoryStore {
  const {
    countHistories,
    readHeads,
    readHistories,
    readEntries,
    readCheckpoints,
    beginRestore,
    stage,
    adopt,
    endRestore,
  } = archive;
  const { orphans, claimSnapshot, releaseSnapshot, lastSnapshot } = archive;
  const moves = [
    countHistories,
    readHeads,
    readHistories,
    readEntries,
    readCheckpoints,
    beginRestore,
    stage,
    adopt,
    endRestore,
  ];
  return [...moves, orphans, claimSnapshot, releaseSnapshot, lastSnapshot].every((method) => method !== undefined);
}
