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
import { CallError, refusalOf } from '../failure.ts';
import { createHealth, serveMetrics } from '../observability/health.ts';
import { API_LIMITS } from '../limits.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { MutationRate } from '../connection/mutation-rate.ts';
import type { OriginPolicy } from './origin.ts';
import { appRouter } from '../procedures/router.ts';
import { createSite } from './static-files.ts';
import { defaultUnreadLimit, watchUnread } from './unsent-bytes.ts';
import { createWsServer, refuseUpgrade } from './ws-server.ts';

export interface HttpServerOptions {
  service: CampaignService;
  authenticator: Authenticator;
  policy: OriginPolicy;
  rate: MutationRate;
  metrics: Metrics;
  logger: Logger;
  instance: string;
  version: string;
  /** Folder of the built demo. */
  site: string | undefined;
  /** A port of its own for `/metrics`; `undefined`: the common one. */
  metricsPort: number | undefined;
  maxConnections: number;
  /**
   * Bytes that all connections together may hold of what their clients have not read. Default: a quarter of the memory.
   */
  maxUnreadBytes: number | undefined;
  /** Whether events are pushed to ws connections by rooms; else each subscription is pulled by itself. */
  rooms: boolean;
  /** How long a ws connection may take to be let in, in milliseconds. */
  admissionMs: number;
  /** In development: ends this process at once, as a crash would. */
  kill: (() => void) | undefined;
}

export interface HttpServer {
  /** Rejects where the port is taken. */
  listen(port: number, host: string): Promise<{ port: number }>;
  /**
   * Stops accepting and says so on `/readyz`; then, when what was asked is answered, tells clients to connect again.
   */
  drain(): Promise<void>;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** How long the answers to what was asked may still take when the server goes, in milliseconds. */
const ANSWERING_MS = 1_000;

/**
 * Connections that may wait to be accepted: after a restart all clients come back, and one that finds no place here
 * asks again only after one second, then after three. The system's own bound holds too (`net.core.somaxconn`).
 */
const BACKLOG = 4_096;

/**
 * How long a client of http may take nothing of its answer, in milliseconds. SSE is pinged more often, ws has its own
 * rules.
 */
const UNREAD_MS = 60_000;

const CORS_HEADERS = {
  'access-control-allow-methods': 'GET, POST, OPTIONS',
  'access-control-allow-headers': `authorization, content-type, last-event-id, trpc-accept, x-campaign-contract, ${CORRELATION_HEADER}`,
  'access-control-expose-headers': CORRELATION_HEADER,
  'access-control-max-age': '600',
};

/** Everything on one port: tRPC over http, SSE and ws under `/trpc`, health, metrics, and the demo at `/`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { service, policy, metrics, logger, metricsPort, kill } = options;
  let ready = false;

  const slots = createConnectionSlots(options.maxConnections, (transport, change) =>
    metrics.connections.inc({ transport }, change),
  );
  const admission = createAdmission({ ...options, slots });
  const ws = createWsServer({ admission, slots, admissionMs: options.admissionMs, onError });
  const site = createSite(options.site);
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
    // Up to here each call of a batch that is too large is told so (`admission.ts`); answering many thousands would be
    // work of its own.
    maxBatchSize: API_LIMITS.batchCalls * 2,
    // tRPC writes `vary` itself, and adds this to it.
    responseMeta: () => ({ headers: new Headers({ vary: 'origin' }) }),
    onError: ({ error, path }) => onError(error, path),
  });

  /** Errors that no call has reported: of sockets and frames, and of tRPC itself. */
  function onError(error: Error, path: string | undefined): void {
    if (error instanceof CallError) return;
    if (path === undefined || refusalOf(error)) logger.debug({ err: error, path }, 'a message was refused');
    else logger.error({ err: error, path }, 'a call failed outside of its procedure');
  }

  function handle(req: IncomingMessage, res: ServerResponse): void {
    const path = pathOf(req);
    if (path === undefined) return plain(res, 400, 'The address of this request cannot be read');
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
    return site(req, res);
  }

  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      // Some clients offer h2c with every request, and are content with http.
      shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
    },
    handle,
  );
  server.timeout = UNREAD_MS;
  const stopWatchingUnread = watchUnread({
    server,
    limit: options.maxUnreadBytes ?? defaultUnreadLimit(),
    onLooked: (bytes) => metrics.unreadBytes.set(bytes),
    onCut(connections, bytes) {
      metrics.cuts(connections);
      logger.warn({ connections, bytes }, 'clients do not read what they asked for; those that held the most were cut');
    },
  });
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'socket error'));
    const path = pathOf(req);
    const refusal = policy.refusal(req.headers);
    if (refusal) return refuseUpgrade(socket, refusal.status, refusal.message);
    if (path !== '/trpc' && path !== '/trpc/') return refuseUpgrade(socket, 404, 'ws connections are served at /trpc');
    if (!ready) return refuseUpgrade(socket, 503, 'The server is on its way out');
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
      // Such as a lack of file descriptors: it passes, and must not take the open connections with it.
      server.on('error', (error) => logger.error({ err: error }, 'a connection could not be accepted'));
      ready = true;
      return { port: portOf(server.address()) };
    },
    async drain() {
      ready = false;
      server.close();
      server.closeIdleConnections();
      // Clients that are told to reconnect give up on what they have asked, so that the answers go first.
      const patience = AbortSignal.timeout(ANSWERING_MS);
      while (admission.pendingCalls > 0 && !patience.aborted) await pause(10);
      ws.askToReconnect();
    },
    async close() {
      stopWatchingUnread();
      await ws.close();
      server.closeAllConnections();
      metricsServer?.close();
      metricsServer?.closeAllConnections();
    },
  };
}

/**
 * How the demo learns whether it may show its *Kill server* button, which is so in development, and what that button
 * does.
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

/** The path of a request, still encoded; `undefined` where it cannot be read. */
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
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
