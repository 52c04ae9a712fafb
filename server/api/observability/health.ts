import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { DependencyFailure } from '../../engine/ports.ts';
import type { ServiceStats } from '../../engine/service.ts';
import { takesGzip } from '../compression.ts';
import { gzipped } from '../gzip.ts';

/** Options of {@link createHealth}. */
export interface HealthOptions {
  readonly stats: () => ServiceStats;
  /** Whether the server accepts connections: everything is loaded, and it is not shutting down. */
  readonly isReady: () => boolean;
  /** The metrics of `/metrics`; `undefined` where they are served on a separate port. */
  readonly metrics: ScrapedMetrics | undefined;
  /** Level at which scrapes are compressed; 0: not at all. */
  readonly level: number;
}

/** Metrics in Prometheus' text format: those of a registry, or of several processes. */
export type ScrapedMetrics = Pick<Registry, 'contentType'> & { metrics(): Promise<string> };

/** The handler of probes and scrapes. */
export interface HealthHandler {
  /** Whether the path is that of a probe or of a scrape. */
  isProbe(path: string): boolean;
  /** Whether the path is that of the liveness probe. */
  isLiveness(path: string): boolean;
  /** Answers a path of which {@link isProbe} is true. */
  answer(path: string, req: IncomingMessage, res: ServerResponse): Promise<void>;
}

/**
 * Health checks. `/livez` (`/healthz`): the process answers. `/readyz`: the instance may be sent traffic. A dependency
 * that fails changes the body, never the status: the service goes on without it, and taking every instance out at once
 * would not bring it back.
 */
export function createHealth({ stats, isReady, metrics, level }: HealthOptions): HealthHandler {
  const isLiveness = (path: string): boolean => path === '/livez' || path === '/healthz';
  return {
    isLiveness,
    isProbe: (path) => isLiveness(path) || path === '/readyz' || (path === '/metrics' && metrics !== undefined),
    async answer(path, req, res) {
      if (isLiveness(path)) answer(res, 200, { status: 'ok' });
      else if (path === '/metrics' && metrics) await serveMetrics(metrics, level, req, res);
      else answer(res, isReady() ? 200 : 503, readiness(isReady(), stats()));
    },
  };
}

function readiness(ready: boolean, { archive, log, campaigns, subscribers, uptimeSeconds }: ServiceStats) {
  return {
    status: !ready ? 'draining' : archive.failing || log.failing || log.settings ? 'degraded' : 'ready',
    archive: {
      status: archive.failing ? 'failing' : 'ok',
      ...(archive.failure && { cause: archive.failure.cause }),
      backlogEntries: archive.backlogEntries,
      lagSeconds: archive.lagSeconds,
    },
    log: {
      status: log.failing ? 'failing' : 'ok',
      reading: sideOf(log.reading),
      writing: sideOf(log.writing),
      ...(log.settings && { settings: sideOf(log.settings) }),
    },
    campaigns,
    subscribers,
    uptimeSeconds,
  };
}

/** The cause alone: its sentence may name addresses, and is in the log. */
function sideOf(failure: DependencyFailure | undefined) {
  return failure === undefined ? { status: 'ok' } : { status: 'failing', cause: failure.cause };
}

/**
 * Answers a scrape in Prometheus' text format.
 *
 * @param level at which it is compressed for clients that offer it; 0: not at all
 */
export async function serveMetrics(
  registry: ScrapedMetrics,
  level: number,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const text = await registry.metrics();
  const shorter = takesGzip(req) ? await gzipped(text, level) : undefined;
  res.appendHeader('vary', 'accept-encoding');
  if (shorter) res.setHeader('content-encoding', 'gzip');
  res.writeHead(200, { 'content-type': registry.contentType }).end(shorter ?? text);
}

function answer(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
}
