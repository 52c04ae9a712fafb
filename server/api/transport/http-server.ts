import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import type { Logger } from 'pino';
import type { CampaignService } from '../../engine/service.ts';
import { createAdmission } from './admission.ts';
import type { Authenticator } from '../connection/auth.ts';
import { createConnectionSlots } from '../connection/connection-slots.ts';
import { CORRELATION_HEADER, correlationIdFor } from '../correlation.ts';
import { CallError, refusalBehind } from '../failure.ts';
import { createHealth, serveMetrics } from '../observability/health.ts';
import { API_LIMITS } from '../limits.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';
import type { OriginPolicy } from './origin.ts';
import { appRouter } from '../procedures/router.ts';
import { createStaticFiles } from './static-files.ts';
import { defaultUnsentLimit, watchUnsentBytes } from './unsent-bytes.ts';
import { createWsServer, refuseUpgrade } from './ws-server.ts';

/** Options of {@link createHttpServer}. */
export interface HttpServerOptions {
  readonly service: CampaignService;
  readonly authenticator: Authenticator;
  readonly policy: OriginPolicy;
  readonly rate: MutationRate;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly instance: string;
  readonly version: string;
  /** The folder of the built demo; `undefined`: a page that says how to build it. */
  readonly site: string | undefined;
  /** A separate port for `/metrics`; `undefined`: the common port. */
  readonly metricsPort: number | undefined;
  /** Ws connections and SSE streams that may be open. */
  readonly maxConnections: number;
  /** Bytes that all connections together may hold unsent; `undefined`: a quarter of the memory. */
  readonly maxUnsentBytes: number | undefined;
  /** Whether events are pushed to ws connections (`CAMPAIGN_FANOUT=rooms`) or pulled by each subscription. */
  readonly rooms: boolean;
  /** How long a ws connection may take to be admitted, in milliseconds. */
  readonly admissionMs: number;
  /** In development: kills this process, as a crash would. */
  readonly kill: (() => void) | undefined;
}

/** The port: accepts connections, and shuts down in two steps. */
export interface HttpServer {
  /**
   * Starts to accept connections.
   *
   * @returns the actual port, where `port` is 0
   * @throws the system's error (`EADDRINUSE`, `EACCES`, …) where the port cannot be opened
   */
  listen(port: number, host: string): Promise<{ port: number }>;
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

const CORS_HEADERS = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': `authorization, content-type, last-event-id, trpc-accept, x-campaign-contract, ${CORRELATION_HEADER}`,
  'access-control-expose-headers': CORRELATION_HEADER,
  'access-control-max-age': '600',
};

/** The one port for everything: tRPC over http, SSE and ws under `/trpc`, health, metrics, and the demo at `/`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, policy, metrics, logger, metricsPort, kill } = options;
  let ready = false;

  const slots = createConnectionSlots(options.maxConnections, (transport, change) =>
    metrics.connections.inc({ transport }, change),
  );
  const admission = createAdmission({ ...options, slots });
  const ws = createWsServer({ admission, slots, admissionMs: options.admissionMs, onError });
  const staticFiles = createStaticFiles(options.site);
  const health = createHealth({
    stats: () => service.stats(),
    isReady: () => ready,
    metrics: metricsPort === undefined ? metrics.registry : undefined,
  });
  const trpc = createHTTPHandler({
    router: appRouter,
    basePath: '/trpc/',
    createContext: (options) => admission.forRequest(options),
    maxBodySize: API_LIMITS.messageBytes,
    // Up to this size each call of a batch that is too large is refused by itself (`admission.ts`); beyond it the batch
    // is refused as a whole, because the refusals alone would be work.
    maxBatchSize: API_LIMITS.batchCalls * 2,
    // tRPC sets `vary` itself, and appends this value.
    responseMeta: () => ({ headers: new Headers({ vary: 'origin' }) }),
    onError: ({ error, path }) => onError(error, path),
  });

  /** Logs errors that no call has reported: of sockets and frames, and of tRPC itself. */
  function onError(error: Error, path: string | undefined): void {
    if (error instanceof CallError) return;
    if (path === undefined || refusalBehind(error)) logger.debug({ err: error, path }, 'message refused');
    else logger.error({ err: error, path }, 'call failed outside of its procedure');
  }

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const path = pathOf(req);
    if (path === undefined) return plain(res, 400, 'The URL of this request cannot be read');
    if (health(path, req, res)) return;
    const refusal = policy.refusal(req.headers);
    if (refusal) return plain(res, refusal.status, refusal.message);
    if (req.headers.origin !== undefined) {
      res.setHeader('access-control-allow-origin', req.headers.origin);
      res.setHeader('vary', 'origin');
      if (req.method === 'OPTIONS') {
        res.writeHead(204, CORS_HEADERS).end();
        return;
      }
    }
    if (path === '/trpc' || path.startsWith('/trpc/')) {
      res.setHeader(CORRELATION_HEADER, correlationIdFor(req.headers));
      res.setHeader('access-control-expose-headers', CORRELATION_HEADER);
      return trpc(req, res);
    }
    if (path === '/dev' || path.startsWith('/dev/')) return handleDevelopment(path, req, res, kill);
    return staticFiles(req, res);
  }

  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      // Some clients offer h2c with every request, and accept http/1.1.
      shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
    },
    handle,
  );
  server.timeout = SOCKET_TIMEOUT_MS;
  const stopWatchingUnsentBytes = watchUnsentBytes({
    server,
    limit: options.maxUnsentBytes ?? defaultUnsentLimit(),
    onChecked: (bytes) => metrics.unsentBytes.set(bytes),
    onCut(connections, bytes) {
      metrics.cuts(connections);
      logger.warn({ connections, bytes }, 'connections with the most unsent bytes were cut: their clients do not read');
    },
  });
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'socket error'));
    const path = pathOf(req);
    const refusal = policy.refusal(req.headers);
    if (refusal) return refuseUpgrade(socket, refusal.status, refusal.message);
    if (path !== '/trpc' && path !== '/trpc/') return refuseUpgrade(socket, 404, 'ws connections are served at /trpc');
    if (!ready) return refuseUpgrade(socket, 503, 'The server is shutting down');
    return ws.upgrade(req, socket, head);
  });

  const metricsServer =
    metricsPort === undefined
      ? undefined
      : createServer((req, res) =>
          pathOf(req) === '/metrics' ? serveMetrics(metrics.registry, res) : plain(res, 404, 'Not found'),
        );

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
      server.on('error', (error) => logger.error({ err: error }, 'connection could not be accepted'));
      ready = true;
      return { port: portOf(server.address()) };
    },
    async drain() {
      ready = false;
      server.close();
      server.closeIdleConnections();
      // A client that is told to reconnect drops its pending calls, so that the answers go first.
      const deadline = AbortSignal.timeout(DRAIN_TIMEOUT_MS);
      while (admission.pendingCalls > 0 && !deadline.aborted) await pause(DRAIN_POLL_MS);
      ws.notifyReconnect();
    },
    async close() {
      stopWatchingUnsentBytes();
      await ws.close();
      server.closeAllConnections();
      metricsServer?.close();
      metricsServer?.closeAllConnections();
    },
  };
}

/**
 * The paths of the demo's *Kill server* button: whether it is shown, which is so in development, and what it does.
 */
function handleDevelopment(
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
  kill: (() => void) | undefined,
): void {
  if (path === '/dev' && req.method === 'GET') {
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ kill: kill !== undefined }));
  } else if (kill && path === '/dev/kill' && req.method === 'POST') {
    res.writeHead(202).end(kill);
  } else {
    plain(res, 404, 'Not found');
  }
}

/** The path of a request, still encoded; `undefined` where its URL cannot be read. */
function pathOf(req: IncomingMessage): string | undefined {
  try {
    const { pathname } = new URL(`http://host${req.url ?? '/'}`);
    decodeURIComponent(pathname);
    return pathname;
  } catch {
    return undefined;
  }
}

function plain(res: ServerResponse, status: number, message: string): void {
  res
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
    .end(message);
}

function listenOn(server: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: LISTEN_BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
