import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonObject } from '../../core/json.ts';
import { RefusalError, type Refusal } from '../../core/errors.ts';
import type { Context } from '../connection/context.ts';
import { refusalBehind } from '../failure.ts';
import { answerTagged, createGzipCache } from '../tagged-body.ts';
import { createCallerFactory } from '../procedures/procedures.ts';
import { appRouter } from '../procedures/router.ts';

/*
 * A campaign for the first paint of a page, at an address that a CDN can keep: what `campaign.get` says to whoever has
 * no token. It is the same for everybody who asks in the same way, whatever they send beside; a page goes on from its
 * position by the live stream.
 */

const PATH = /^\/campaigns\/([^/]+)\/snapshot$/;

/**
 * Whoever keeps it asks again after a second, shows it meanwhile, and goes on with it for a minute while the server is
 * away. Not for longer: what was withdrawn meanwhile would be shown all that time. To outlive its origin is what a
 * relay
 * is for, which knows what has been withdrawn until then.
 */
const CACHE = 'public, max-age=1, stale-while-revalidate=30, stale-if-error=60';

const STATUSES: Readonly<Partial<Record<Refusal['reason'], number>>> = {
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  RATE_LIMITED: 429,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
};

/** A million pages ask for the same few bodies. */
const compressed = createGzipCache(8 * 1_024 * 1_024);

const createCaller = createCallerFactory(appRouter);

/** The campaign that a path is about, still to be checked; `undefined` for any other path. */
export function publicSnapshotOf(path: string): string | undefined {
  const [, campaign] = PATH.exec(path) ?? [];
  return campaign === undefined ? undefined : decodeURIComponent(campaign);
}

const WITH_TOKEN = {
  reason: 'INVALID',
  message: 'This is the same for everybody: it is asked for without a token',
} as const;

/**
 * Refuses a request that shows a token, wherever it does, before anybody verifies it: what it may see must be in no
 * cache.
 *
 * @returns whether it was refused
 */
export function refuseToken(req: IncomingMessage, res: ServerResponse): boolean {
  const showsToken = req.headers.authorization !== undefined || queryOf(req.url).has('connectionParams');
  if (showsToken) refuse(res, WITH_TOKEN);
  return showsToken;
}

/** Answers a request without a token. `?viewer={"country":"NG"}` names the attributes that the rules judge by. */
export async function answerPublicSnapshot(
  campaignId: string,
  { ctx, req, res, level }: { ctx: Context; req: IncomingMessage; res: ServerResponse; level: number },
): Promise<void> {
  res.setHeader('x-content-type-options', 'nosniff');
  try {
    // Where no key is set, everybody is an admin: what an admin sees is public nowhere.
    if (ctx.connection.admitted().anonymous !== true) {
      throw new RefusalError('UNAVAILABLE', 'A server without a key has nobody without a token: set AUTH_SECRET');
    }
    const { durableVersion: _, ...record } = await createCaller(ctx).campaign.get({ campaignId, ...viewerIn(req.url) });
    const answer = JSON.stringify(record);
    res.setHeader('cache-control', CACHE);
    await answerTagged(answer, { req, res, level, cache: compressed });
  } catch (error) {
    const refusal = refusalBehind(error);
    if (!refusal) throw error;
    ctx.connection.chargeRefusal();
    refuse(res, refusal);
  }
}

function refuse(res: ServerResponse, { reason, message }: Pick<Refusal, 'reason' | 'message'>): void {
  const head = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  res.writeHead(STATUSES[reason] ?? 400, head).end(message);
}

function queryOf(url = '/'): URLSearchParams {
  return new URL(`http://host${url}`).searchParams;
}

/** The viewer of the query, which the procedure checks; one that is no JSON is refused by it as any other text. */
function viewerIn(url = '/'): { viewer?: { attributes: JsonObject } } {
  const text = queryOf(url).get('viewer');
  if (text === null) return {};
  try {
    // Parsed by the procedure.
    return { viewer: { attributes: JSON.parse(text) as JsonObject } };
  } catch {
    return { viewer: { attributes: text as unknown as JsonObject } };
  }
}
