import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { createHTTPHandler, type CreateHTTPContextOptions } from '@trpc/server/adapters/standalone';
import type { Logger } from 'pino';
import { RefusalError } from '../../../core/errors.ts';
import type { ClientAddress } from '../../connection/client-address.ts';
import { MAX_DELAY_MS, PRICES } from '../../connection/work-budget.ts';
import type { WorkBudgets } from '../../connection/work-budget.ts';
import { CORRELATION_HEADER, correlationIdFor } from '../../correlation.ts';
import { API_LIMITS } from '../../limits.ts';
import type { HealthHandler } from '../../observability/health.ts';
import { answerOfrep, ofrepMethodOf, streamOfrepEvents } from '../../ofrep/ofrep.ts';
import { ofrepTargetOf, type OfrepTarget } from '../../ofrep/ofrep-path.ts';
import { answerPublicSnapshot, publicSnapshotOf, refuseToken } from '../../ofrep/public-snapshot.ts';
import { appRouter } from '../../procedures/router.ts';
import type { Admission } from '../admission.ts';
import { compressCalls } from '../compressed-response.ts';
import { applyCors } from '../cors.ts';
import type { OriginPolicy } from '../origin.ts';
import { namedCalls, refuseEarly, type NamedCalls } from './early-refusal.ts';
import { discard, readBody } from './request-body.ts';
import { UnfinishedBodies } from './unfinished-bodies.ts';
import type { RequestHandler } from './request-gate.ts';
import type { Downloads } from '../downloads.ts';
import type { StaticFiles } from '../static-files.ts';
import type { TcpConnection } from '../tcp-connections.ts';

/** Options of {@link createRequestHandler}. */
export interface RequestHandlerOptions {
  readonly admission: Admission;
  readonly policy: OriginPolicy;
  readonly budgets: WorkBudgets;
  readonly addressOf: ClientAddress;
  readonly health: HealthHandler;
  readonly staticFiles: StaticFiles;
  readonly downloads: Downloads;
  /** Level at which answers are compressed for clients that offer it; 0: not at all. */
  readonly level: number;
  readonly logger: Logger;
  /** In development: kills this process, as a crash would. */
  readonly kill: (() => void) | undefined;
  /** Called with errors that no call has reported, and the path of their call. */
  readonly onError: (error: Error, path: string | undefined) => void;
}

/** The handler of all http requests: probes, metrics, procedures, and the demo at every other path. */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { admission, policy, budgets, addressOf, health, staticFiles, level, logger, kill, onError } = options;
  const trpc = createHTTPHandler({
    router: appRouter,
    basePath: '/trpc/',
    async createContext(context) {
      const ctx = await admission.forRequest(context);
      if (ctx.connection.isAdmitted()) await compressCalls(context, level, ctx.connection);
      return ctx;
    },
    maxBodySize: API_LIMITS.messageBytes,
    // Up to this size each call of a batch that is too large is refused by itself (`admission.ts`); beyond it the batch
    // is refused as a whole, because the refusals alone would be work.
    maxBatchSize: API_LIMITS.batchCalls * 2,
    // tRPC sets `vary` itself, and appends this value.
    responseMeta: () => ({ headers: new Headers({ vary: level > 0 ? 'origin, accept-encoding' : 'origin' }) }),
    onError: ({ error, path }) => onError(error, path),
  });

  const unfinished = new UnfinishedBodies();

  async function route(connection: TcpConnection, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = pathOf(req);
    if (path === undefined) return plain(res, 400, 'The URL of this request cannot be read');
    if (!(await pay(path, req))) {
      res.setHeader('retry-after', '1');
      return plain(res, 429, 'Too many requests from this address');
    }
    const refusal = health.isProbe(path) ? policy.probeRefusal(req.headers) : policy.refusal(req.headers);
    // Liveness is answered to everybody: it says nothing else.
    if (refusal && !health.isLiveness(path)) return plain(res, refusal.status, refusal.message);
    if (!refusal && applyCors(req, res)) return;
    if (health.isProbe(path)) return health.answer(path, req, res);
    if (path === '/trpc' || path.startsWith('/trpc/')) {
      if (UNREADABLE_METHODS.has(req.method ?? '')) {
        res.setHeader('allow', 'GET, POST');
        return plain(res, 405, 'Procedures are called by GET and POST');
      }
      return callProcedures(connection, req, res);
    }
    const flags = ofrepTargetOf(path);
    if (flags) return evaluateFlags(flags, connection, req, res);
    const shown = publicSnapshotOf(path);
    if (shown !== undefined) return showSnapshot(shown, req, res);
    if (options.downloads.has(path)) return options.downloads.answer(path, req, res);
    if (path === '/dev' || path.startsWith('/dev/')) return handleDevelopment(path, req, res, kill);
    return staticFiles(path, req, res);
  }

  /**
   * Charges a request that is no call to its address. One beyond the budget waits, and with it its connection.
   *
   * @returns false where it may not be answered even then
   */
  async function pay(path: string, req: IncomingMessage): Promise<boolean> {
    const isCall = (path.startsWith('/trpc') || ofrepTargetOf(path)) && req.method !== 'OPTIONS';
    // Calls are paid for by their connection. An instance must not be restarted because others probe it.
    if (isCall || health.isLiveness(path)) return true;
    const address = addressOf(req);
    budgets.addresses.charge(address, priceOf(path));
    const waitMs = budgets.addresses.waitMs(address);
    if (waitMs === 0) return true;
    await pause(Math.min(waitMs, MAX_DELAY_MS), undefined, { ref: false });
    return waitMs <= MAX_DELAY_MS || health.isProbe(path);
  }

  /** The body is read here and not by tRPC, which would hold it before the caller is admitted. */
  async function callProcedures(connection: TcpConnection, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const correlationId = correlationIdFor(req.headers);
    res.setHeader(CORRELATION_HEADER, correlationId);
    res.setHeader('access-control-expose-headers', CORRELATION_HEADER);
    const calls = namedCalls(req);
    const refuse = (error: RefusalError, { paths, isBatch }: NamedCalls): void => {
      admission.reportRefused(req, error, paths, correlationId);
      refuseEarly(res, { paths, isBatch }, error, correlationId);
    };
    const owing = calls && admission.owing(req);
    if (owing) return refuse(owing, calls);
    if (req.method === 'POST') {
      takeBeacon(req);
      const body = await admittedBody(connection, req, res);
      const refused = body === undefined ? admission.refusalOf(req) : undefined;
      if (refused && calls) return refuse(refused, calls);
      // tRPC's adapter takes it in place of the stream.
      Object.assign(req, { body });
    }
    trpc(req, res);
  }

  /**
   * The body of a request whose caller is admitted first; `undefined` where it is too large, or its caller holds too
   * many that are unfinished, for which its calls are refused.
   */
  async function admittedBody(
    connection: TcpConnection,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<string | undefined> {
    const { limit, payer } = await admission.admitRequest(req);
    connection.sender = { payer };
    const refusal = unfinished.refusal(payer);
    if (refusal) {
      discard(req);
      admission.refuse(req, refusal);
      return undefined;
    }
    const body = await readBody(req, res, connection, { limit, payer, unfinished });
    if (body === undefined) admission.refuse(req, tooLarge(limit));
    else admission.takeBody(req, body);
    return body;
  }

  /** Flags over OFREP: each request is one call. */
  async function evaluateFlags(
    target: OfrepTarget,
    connection: TcpConnection,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> {
    const method = ofrepMethodOf(target);
    if (req.method !== method) {
      res.setHeader('allow', method);
      return plain(res, 405, `Flags are evaluated by POST, and their event stream is read by GET`);
    }
    res.setHeader(CORRELATION_HEADER, correlationIdFor(req.headers));
    res.setHeader('access-control-expose-headers', `${CORRELATION_HEADER}, etag, retry-after`);
    const isStream = target.kind === 'events';
    const body = isStream ? undefined : await admittedBody(connection, req, res);
    if (isStream) await admission.admitRequest(req);
    const aborted = new AbortController();
    res.once('close', () => aborted.abort());
    const ctx = await admission.forRequest({
      req,
      res,
      // What tRPC's adapter would say of a request with one call.
      info: {
        accept: null,
        type: isStream ? 'subscription' : 'query',
        isBatchCall: false,
        calls: [],
        connectionParams: null,
        signal: aborted.signal,
        url: null,
      },
    });
    if (target.kind === 'events') await streamOfrepEvents(target, { ctx, res });
    else await answerOfrep(target, { ctx, req, res, body, level });
  }

  /** A campaign as everybody may see it: one call of somebody without a token. */
  async function showSnapshot(campaignId: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('allow', 'GET, HEAD');
      return plain(res, 405, 'A snapshot is read by GET');
    }
    if (refuseToken(req, res)) return;
    await admission.admitRequest(req);
    const ctx = await admission.forRequest({ req, res, info: ONE_QUERY });
    await answerPublicSnapshot(campaignId, { ctx, req, res, level });
  }

  return (connection, req, res) => {
    // Such as a write after the client has closed the connection.
    res.on('error', (error) => logger.debug({ err: error }, 'response error'));
    // Whether the body of such a request follows is not known where the answer is not `100 Continue`.
    if (req.headers.expect !== undefined) res.shouldKeepAlive = false;
    contain(res, logger, () => route(connection, req, res));
  };
}

/**
 * Lets `navigator.sendBeacon` of a page on another origin call `analytics.track`. A beacon cannot ask beforehand, as
 * other types of content make a browser do, so that its JSON comes as text. The origin was checked, and there are no
 * cookies that could make it more than it says.
 */
function takeBeacon(req: IncomingMessage): void {
  const isText = req.headers['content-type']?.toLowerCase().startsWith('text/plain') === true;
  if (isText && pathOf(req) === '/trpc/analytics.track') req.headers['content-type'] = 'application/json';
}

/**
 * Methods of which tRPC's adapter cannot make a `Request` (WHATWG Fetch forbids them); it refuses all others itself.
 */
const UNREADABLE_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** What tRPC's adapter would say of a request with one call. */
const ONE_QUERY: CreateHTTPContextOptions['info'] = {
  accept: null,
  type: 'query',
  isBatchCall: false,
  calls: [],
  connectionParams: null,
  signal: new AbortController().signal,
  url: null,
};

function tooLarge(limit: number): RefusalError {
  return new RefusalError('TOO_LARGE', `The body of this request may have at most ${limit} bytes`, { limit });
}

function priceOf(path: string): number {
  if (path === '/metrics') return PRICES.metrics;
  return path === '/readyz' ? PRICES.readiness : PRICES.request;
}

/** Runs a handler so that whatever it throws, now or later, ends its request alone. */
export function contain(res: ServerResponse, logger: Logger, handler: () => Promise<void>): void {
  handler().catch((error: unknown) => {
    if (res.destroyed) return;
    logger.error({ err: error }, 'request failed');
    if (res.headersSent) res.destroy();
    else plain(res, 500, 'Internal error');
  });
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
export function pathOf(req: IncomingMessage): string | undefined {
  try {
    const { pathname } = new URL(`http://host${req.url ?? '/'}`);
    decodeURIComponent(pathname);
    return pathname;
  } catch {
    return undefined;
  }
}

/** Answers with a status and one sentence. */
export function plain(res: ServerResponse, status: number, message: string): void {
  res
    .writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
    .end(message);
}
