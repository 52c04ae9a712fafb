import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { FleetLoad } from '../../core/fleet.ts';
import type { CampaignService } from '../../engine/service.ts';
import { systemClock } from '../../engine/system-clock.ts';
import type { RelaySettings } from '../../core/stream/replica.ts';
import type { Upstream } from '../connection/upstream.ts';
import { createAdmission } from './admission.ts';
import type { AccessKeys } from '../../access/access-keys.ts';
import type { AuditEvents } from '../../audit/audit-events.ts';
import type { AuditService } from '../../audit/audit-service.ts';
import type { SnapshotService } from '../../snapshot/snapshot-service.ts';
import type { Authenticator } from '../connection/auth.ts';
import { createCallerPlaces } from '../connection/caller-places.ts';
import { createConnectionSlots } from '../connection/connection-slots.ts';
import { CallError, refusalBehind } from '../failure.ts';
import { createCallLog, excerpt } from '../observability/call-log.ts';
import { createHealth, serveMetrics, type ScrapedMetrics } from '../observability/health.ts';
import type { Metrics } from '../observability/metrics.ts';
import { createClientAddress } from '../connection/client-address.ts';
import { FairTurns } from '../connection/fair-turns.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';
import { MAX_DELAY_MS, type WorkBudgets } from '../connection/work-budget.ts';
import { defaultHeldLimit, watchHeldBytes } from './held-bytes.ts';
import type { OriginPolicy } from './origin.ts';
import { contain, createRequestHandler, pathOf, plain } from './requests/request-handler.ts';
import { createRequestGate } from './requests/request-gate.ts';
import { createDownloads, type Downloads } from './downloads.ts';
import { createStaticFiles } from './static-files.ts';
import { createTcpConnections, CUT_CAUSES } from './tcp-connections.ts';
import { startFleetBalance } from './ws/fleet-balance.ts';
import { createWsServer, refuseUpgrade } from './ws/ws-server.ts';

/** Options of {@link createHttpServer}. */
export interface HttpServerOptions {
  readonly service: CampaignService;
  readonly authenticator: Authenticator;
  /** API keys; `undefined` where the archive stores none. */
  readonly accessKeys: AccessKeys | undefined;
  /** Snapshots and restores; `undefined` where nothing is stored that they could be of. */
  readonly snapshots: SnapshotService | undefined;
  readonly audit: AuditService | undefined;
  readonly auditEvents: AuditEvents | undefined;
  /** Whether the audit may hold network addresses. */
  readonly auditAddresses: boolean;
  readonly policy: OriginPolicy;
  readonly rate: MutationRate;
  readonly eventRate: MutationRate;
  readonly budgets: WorkBudgets;
  /** Networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly metrics: Metrics;
  /** What `/metrics` answers with. Default: `metrics`. */
  readonly scraped?: ScrapedMetrics | undefined;
  /** Default: those of this server's own archive. */
  readonly downloads?: Downloads | undefined;
  readonly logger: Logger;
  readonly instance: string;
  readonly version: string;
  /** What relays of this server are told of it. */
  readonly relaySettings: RelaySettings;
  /** Where this server is a relay: the server that it stands before. */
  readonly upstream?: Upstream | undefined;
  /** The folder of the built demo; `undefined`: a page that says how to build it. */
  readonly site: string | undefined;
  /** A separate port for `/metrics`; `undefined`: the common port. */
  readonly metricsPort: number | undefined;
  /** Ws connections and SSE streams that may be open. */
  readonly maxConnections: number;
  /** Ws connections and SSE streams that one caller may have open. */
  readonly maxConnectionsPerCaller: number;
  /** Bytes that all connections together may hold unsent; `undefined`: a quarter of the memory. */
  readonly maxUnsentBytes: number | undefined;
  /** Whether events are pushed to ws connections (`CAMPAIGN_FANOUT=rooms`) or pulled by each subscription. */
  readonly rooms: boolean;
  /** Whether calls are answered without tRPC's chain of middlewares (`CAMPAIGN_CALLS=direct`). */
  readonly directCalls: boolean;
  /** Level at which events and answers are compressed for clients that offer it. Default 0: not at all. */
  readonly deflateLevel?: number | undefined;
  /** How long a ws connection may take to be admitted, in milliseconds. */
  readonly admissionMs: number;
  /** Says how many clients are connected, and asks for those of the fleet; `undefined`: it belongs to none. */
  readonly reportFleet?: ((connections: number) => Promise<FleetLoad>) | undefined;
  /** In development: kills this process, as a crash would. */
  readonly kill: (() => void) | undefined;
}

/** The port: accepts connections, and shuts down in two steps. */
export interface HttpServer {
  /**
   * Starts to accept connections.
   *
   * @param port or the path of a unix socket, in place of port and host
   *
   * @returns the actual port, where `port` is 0
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …) where the port cannot be opened
   */
  listen(port: number | string, host: string): Promise<{ port: number }>;
  /**
   * Stops accepting, and answers `/readyz` with `draining`; waits for the answers to pending calls, and sends clients
   * the reconnect notification.
   */
  drain(): Promise<void>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** The grace period for pending calls at shutdown, in milliseconds. */
const DRAIN_TIMEOUT_MS = 1_000;

/** The interval between two checks whether pending calls are answered, in milliseconds. */
const DRAIN_POLL_MS = 10;

/**
 * Connections that may wait to be accepted. After a restart all clients connect again, and one that does not fit into
 * the backlog is retried by its system only after one second, then after three. The server's system has a bound of its
 * own (`net.core.somaxconn`).
 */
const LISTEN_BACKLOG = 4_096;

/**
 * How long an http connection may be idle, or its client may not read, in milliseconds. SSE streams send pings more
 * often, ws connections have their own heartbeat.
 */
const SOCKET_TIMEOUT_MS = 60_000;

/**
 * Connections beyond the limit for ws connections and SSE streams. They leave room for probes, for metrics and for the
 * refusals of further clients.
 */
const RESERVED_CONNECTIONS = 64;

/** Time limits for the arrival of a request, in milliseconds. */
const TIMEOUTS = {
  /** For its head, from the opening of the connection or the end of the response before it. */
  headersTimeout: 10_000,
  /** For all of it. */
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
};

/** The one port for everything: tRPC over http, SSE and ws under `/trpc`, health, metrics, and the demo at `/`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, policy, metrics, logger, metricsPort } = options;
  let ready = false;
  const scraped = options.scraped ?? metrics.registry;

  const connections = createTcpConnections({
    limit: options.maxConnections + RESERVED_CONNECTIONS,
    onCut: (cause) => metrics.cuts.inc({ cause }),
    onCount: (open) => metrics.tcpConnections.set(open),
  });
  // A counter that is there from the start has an increase at its first event.
  for (const cause of CUT_CAUSES) metrics.cuts.inc({ cause }, 0);
  const slots = createConnectionSlots(options.maxConnections, (transport, change) =>
    metrics.connections.inc({ transport }, change),
  );
  const places = createCallerPlaces(options.maxConnectionsPerCaller, metrics.callerConnectionsRefused);
  const callLog = createCallLog(logger);
  const turns = new FairTurns();
  const addressOf = createClientAddress(options.trustedProxies);
  const admission = createAdmission({
    ...options,
    upstream: options.upstream,
    turns,
    addressOf,
    slots,
    places,
    callLog,
    onStream,
  });
  const { admissionMs } = options;
  const ws = createWsServer({
    admission,
    slots,
    places,
    addressOf,
    turns,
    connections,
    admissionMs,
    directCalls: options.directCalls,
    deflateLevel: options.deflateLevel ?? 0,
    onError,
  });
  const handle = createRequestHandler({
    ...options,
    admission,
    addressOf,
    health: createHealth({
      stats: () => service.stats(),
      isReady: () => ready,
      metrics: metricsPort === undefined ? scraped : undefined,
      level: options.deflateLevel ?? 0,
    }),
    level: options.deflateLevel ?? 0,
    staticFiles: createStaticFiles(options.site),
    downloads: options.downloads ?? createDownloads(options),
    onError,
  });
  const stopBalance =
    options.reportFleet &&
    startFleetBalance({
      sockets: () => (ready ? ws.clients() : []),
      report: options.reportFleet,
      clock: systemClock,
      now: () => performance.now(),
      onMoved: metrics.clientsMoved,
    });
  const gate = createRequestGate(connections, handle);
  const stopWatchingHeldBytes = watchHeldBytes({
    connections,
    limit: options.maxUnsentBytes ?? defaultHeldLimit(),
    onChecked({ unsent, unfinished }) {
      metrics.unsentBytes.set(unsent);
      metrics.unfinishedBytes.set(unfinished);
    },
    onCut: (cut, heldBytes) =>
      logger.warn(
        { connections: cut, heldBytes },
        'connections that held the most bytes were cut: all of them, or those of one caller, held too many',
      ),
  });

  /** Logs errors that no call has reported: of sockets and frames, and of tRPC itself. */
  function onError(error: Error, path: string | undefined): void {
    if (error instanceof CallError) return;
    const fields = { err: error, path: path && excerpt(path) };
    if (path === undefined || refusalBehind(error)) logger.debug(fields, 'message refused');
    else logger.error(fields, 'call failed outside of its procedure');
  }

  function onStream({ socket }: IncomingMessage): void {
    const connection = connections.get(socket);
    if (connection) gate.beginStream(connection);
  }

  function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = pathOf(req);
    const refusal = policy.refusal(req.headers);
    if (refusal) return refuseUpgrade(socket, refusal.status, refusal.message);
    if (path !== '/trpc' && path !== '/trpc/') return refuseUpgrade(socket, 404, 'ws connections are served at /trpc');
    // Somebody who is cut off comes again at once, a hundred times a second, and each time sends anew what is too much.
    const waitMs = Math.min(MAX_DELAY_MS, options.budgets.addresses.waitMs(addressOf(req)));
    if (waitMs > 0) setTimeout(contained, waitMs, socket, () => accept(req, socket, head)).unref();
    else accept(req, socket, head);
  }

  function accept(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (ready) ws.upgrade(req, socket, head);
    else refuseUpgrade(socket, 503, 'The server is shutting down');
  }

  /** Whatever a request makes throw must end that request alone. */
  function contained(socket: Duplex, work: () => void): void {
    try {
      work();
    } catch (error) {
      logger.error({ err: error }, 'upgrade failed');
      socket.destroy();
    }
  }

  const server = createServer({
    ...TIMEOUTS,
    // Some clients offer h2c with every request, and accept http/1.1.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
  });
  server.timeout = SOCKET_TIMEOUT_MS;
  server.on('connection', (socket) => connections.open(socket));
  server.on('request', gate.onRequest);
  // The body's reader sends `100 Continue`, once the caller is admitted.
  server.on('checkContinue', gate.onRequest);
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'socket error'));
    contained(socket, () => upgrade(req, socket, head));
  });

  const metricsServer = metricsPort === undefined ? undefined : createMetricsServer(options, scraped);

  return {
    async listen(port, host) {
      await listenOn(server, port, host);
      if (metricsServer && metricsPort !== undefined) {
        await listenOn(metricsServer, metricsPort, host).catch((error: unknown) => {
          server.close();
          throw error;
        });
      }
      // Such as a lack of file descriptors, which passes and must not end the open connections.
      for (const each of [server, metricsServer])
        each?.on('error', (error) => logger.error({ err: error }, 'connection could not be accepted'));
      ready = true;
      return { port: portOf(server.address()) };
    },
    async drain() {
      ready = false;
      stopBalance?.();
      server.close();
      server.closeIdleConnections();
      // A client that is told to reconnect drops its pending calls, so that the answers go first.
      const deadline = AbortSignal.timeout(DRAIN_TIMEOUT_MS);
      while (admission.pendingCalls > 0 && !deadline.aborted) await pause(DRAIN_POLL_MS);
      ws.notifyReconnect();
    },
    async close() {
      stopBalance?.();
      stopWatchingHeldBytes();
      await ws.close();
      server.closeAllConnections();
      callLog.stop();
      metricsServer?.close();
      metricsServer?.closeAllConnections();
    },
  };
}

/** Connections of the server for metrics; a scraper needs one. */
const MAX_METRICS_CONNECTIONS = 64;

/** A server for `/metrics` alone. */
function createMetricsServer({ policy, logger, deflateLevel = 0 }: HttpServerOptions, scraped: ScrapedMetrics): Server {
  const server = createServer(TIMEOUTS, (req, res) => {
    res.on('error', (error) => logger.debug({ err: error }, 'response error'));
    contain(res, logger, async () => {
      const refusal = policy.probeRefusal(req.headers);
      if (refusal) plain(res, refusal.status, refusal.message);
      else if (pathOf(req) === '/metrics') await serveMetrics(scraped, deflateLevel, req, res);
      else plain(res, 404, 'Not found');
    });
  });
  server.maxConnections = MAX_METRICS_CONNECTIONS;
  server.timeout = SOCKET_TIMEOUT_MS;
  return server;
}

function listenOn(server: Server, port: number | string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const place = typeof port === 'string' ? { path: port } : { port, host };
    server.listen({ ...place, backlog: LISTEN_BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
