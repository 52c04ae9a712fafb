import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { flagAt, flagsOf, type Flag, type FlagSet } from '../../core/flags.ts';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { Reason, Refusal } from '../../core/errors.ts';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import { refuseAttributes } from '../../core/targeting/viewer.ts';
import type { Context } from '../connection/context.ts';
import { refusalBehind } from '../failure.ts';
import { answerTagged } from '../tagged-body.ts';
import { createCallerFactory } from '../procedures/procedures.ts';
import { appRouter } from '../procedures/router.ts';
import { eventsPath, type OfrepTarget } from './ofrep-path.ts';

/**
 * OFREP, OpenFeature's protocol for remote evaluation: a campaign's flags over plain http, for every language that has
 * a provider for it. Each request is a call of `campaign.get` or `campaign.watch`, so that admission, rights, budgets
 * and the log are those of all calls; the context of the evaluation becomes the viewer. What is answered is made of
 * what that viewer is shown, in which nothing of rules is.
 */

/** Flags in one answer. */
const MAX_FLAGS = 5_000;
/** Characters of the key of a flag: as a path it may have the depth of a document. */
const MAX_KEY_LENGTH = 1_024;

/** A request that is answered with an error of OFREP. */
interface Failure {
  readonly status: number;
  readonly errorCode?: 'PARSE_ERROR' | 'INVALID_CONTEXT' | 'FLAG_NOT_FOUND' | 'GENERAL';
  readonly errorDetails: string;
  readonly retryAfterMs?: number | undefined;
}

const STATUSES: Readonly<Record<Reason, number>> = {
  CONFLICT: 409,
  FORBIDDEN: 403,
  UNAUTHORIZED: 401,
  INVALID: 400,
  TOO_LARGE: 400,
  NOT_FOUND: 404,
  OVERLOADED: 503,
  RATE_LIMITED: 429,
  TOO_OLD: 412,
  UNAVAILABLE: 503,
  UPGRADE_REQUIRED: 412,
  LOCKED: 409,
  LOCK_LOST: 412,
};

const createCaller = createCallerFactory(appRouter);

/** Methods of a target. */
export function ofrepMethodOf({ kind }: OfrepTarget): 'GET' | 'POST' {
  return kind === 'events' ? 'GET' : 'POST';
}

/** Answers a request for flags. What goes wrong inside is thrown, as a defect. */
export async function answerOfrep(
  target: Exclude<OfrepTarget, { kind: 'events' }>,
  {
    ctx,
    body,
    ...sent
  }: { ctx: Context; req: IncomingMessage; res: ServerResponse; body: string | undefined; level: number },
): Promise<void> {
  const { res } = sent;
  const evaluated = await evaluate(target, ctx, body);
  if ('failure' in evaluated) return answerFailure(res, target, evaluated.failure);
  const answer = JSON.stringify(evaluated.answer);
  res.setHeader('cache-control', 'no-store');
  res.setHeader('x-content-type-options', 'nosniff');
  // All flags are of one campaign, and nothing of the context is in them.
  if (target.kind === 'bulk') await answerTagged(answer, sent);
  else res.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(answer);
}

type Evaluated = { readonly answer: JsonObject } | { readonly failure: Failure };

async function evaluate(
  target: Exclude<OfrepTarget, { kind: 'events' }>,
  ctx: Context,
  body: string | undefined,
): Promise<Evaluated> {
  const { campaignId } = target;
  // Of a body that is too large, or of a caller that is not admitted, the call tells.
  const read = viewerOf(body ?? '');
  if ('failure' in read && ctx.connection.isAdmitted() && body !== undefined) {
    ctx.connection.chargeRefusal();
    return read;
  }
  let campaign: FlagSet;
  try {
    const viewer = 'viewer' in read ? read.viewer : { attributes: {} };
    const { state, assignments } = await createCaller(ctx).campaign.get({ campaignId, viewer });
    // A document came as JSON; its type has `unknown` in the open parts.
    campaign = { state: state as JsonObject, assignments };
  } catch (error) {
    const refusal = refusalBehind(error);
    if (!refusal) throw error;
    ctx.connection.chargeRefusal();
    return { failure: failureOf(refusal) };
  }
  const evaluated = target.kind === 'bulk' ? bulkAnswer(campaign, campaignId, ctx) : singleAnswer(campaign, target);
  if ('failure' in evaluated) ctx.connection.chargeRefusal();
  return evaluated;
}

function singleAnswer(campaign: FlagSet, { campaignId, key }: { campaignId: string; key: string }): Evaluated {
  const flag = key.length > MAX_KEY_LENGTH ? undefined : flagAt(campaign, key);
  if (flag) return { answer: { key, ...inWire(flag), metadata: { campaignId } } };
  const errorDetails = 'The campaign has no feature, place or rule of that name for this viewer';
  return { failure: { status: 404, errorCode: 'FLAG_NOT_FOUND', errorDetails } };
}

function bulkAnswer(campaign: FlagSet, campaignId: string, ctx: Context): Evaluated {
  const flags = flagsOf(campaign, MAX_FLAGS);
  if (!flags) {
    const errorDetails = `The campaign has more than ${MAX_FLAGS} flags; ask for each that is needed by itself`;
    return { failure: { status: 400, errorCode: 'GENERAL', errorDetails } };
  }
  const list = [...flags].map(([key, flag]): JsonObject => ({ key, ...inWire(flag) }));
  // An event source cannot show a token: whoever needs one asks again now and then.
  const needsToken = ctx.connection.identity().expiresAt !== undefined;
  const stream = { type: 'sse', endpoint: { requestUri: eventsPath(campaignId) } };
  return { answer: { flags: list, metadata: { campaignId }, ...(!needsToken && { eventStreams: [stream] }) } };
}

function inWire({ value, variant, reason }: Flag): JsonObject {
  return { value, reason, ...(variant !== undefined && { variant }) };
}

function answerFailure(res: ServerResponse, target: OfrepTarget, failure: Failure): void {
  const { status, errorCode, errorDetails, retryAfterMs } = failure;
  const key = target.kind === 'single' ? { key: target.key.slice(0, MAX_KEY_LENGTH) } : {};
  if (retryAfterMs !== undefined) res.setHeader('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  const headers = { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' };
  res.writeHead(status, headers).end(JSON.stringify({ ...key, ...(errorCode && { errorCode }), errorDetails }));
}

function failureOf({ reason, message, retryAfterMs, path }: Refusal): Failure {
  const status = STATUSES[reason];
  const isContext = path?.[0] === 'viewer';
  return {
    status,
    errorDetails: message,
    errorCode: isContext ? 'INVALID_CONTEXT' : 'GENERAL',
    retryAfterMs: status === 429 ? (retryAfterMs ?? 1_000) : retryAfterMs,
  };
}

/** The viewer that the context of an evaluation is. Without a context it is somebody of whom nothing is known. */
function viewerOf(body: string): { readonly viewer: Viewer } | { readonly failure: Failure } {
  const parse = (): JsonValue => (body === '' ? {} : (JSON.parse(body) as JsonValue));
  let request: JsonValue;
  try {
    request = parse();
  } catch {
    return { failure: { status: 400, errorCode: 'PARSE_ERROR', errorDetails: 'The body is not JSON' } };
  }
  const isObject = typeof request === 'object' && request !== null && !Array.isArray(request);
  if (!isObject)
    return { failure: { status: 400, errorCode: 'PARSE_ERROR', errorDetails: 'The body is no JSON object' } };
  const context: JsonValue = (request as JsonObject)['context'] ?? {};
  const refusal = refuseAttributes(context, ['context']);
  if (refusal) return { failure: { status: 400, errorCode: 'INVALID_CONTEXT', errorDetails: refusal.message } };
  // An object, as the attributes of a viewer have to be.
  return { viewer: { attributes: context as JsonObject } };
}

/** How often a stream says at most that flags have changed, in milliseconds. */
const EVENT_INTERVAL_MS = 1_000;
/** How often it says something in any case, so that proxies keep it open. */
const KEEP_ALIVE_MS = 15_000;
/** Unread bytes of a stream beyond which nothing more is said: the next event tells as much. */
const MAX_UNSENT_BYTES = 16 * 1024;

/**
 * Streams that a campaign has changed, as server-sent events: whoever reads them asks for its flags again, and is told
 * by their `ETag` whether they are the same. It says nothing else, so that one stream serves every context.
 */
export async function streamOfrepEvents(
  target: Extract<OfrepTarget, { kind: 'events' }>,
  { ctx, res }: { ctx: Context; res: ServerResponse },
): Promise<void> {
  const { campaignId } = target;
  const closed = new AbortController();
  res.once('close', () => closed.abort());
  let events: AsyncIterable<unknown>;
  try {
    const caller = createCaller(ctx, { signal: closed.signal });
    // What a subscription's procedure gives is an iterable, whatever its declared type.
    events = (await caller.campaign.watch({ campaignId, viewer: { attributes: {} } })) as AsyncIterable<unknown>;
  } catch (error) {
    const refusal = refusalBehind(error);
    if (!refusal) throw error;
    ctx.connection.chargeRefusal();
    return answerFailure(res, target, failureOf(refusal));
  }
  const say = (text: string): void => {
    if (!res.writableEnded && res.writableLength <= MAX_UNSENT_BYTES) res.write(text);
  };
  const keepAlive = setInterval(() => say(':\n\n'), KEEP_ALIVE_MS);
  let isFirst = true;
  try {
    for await (const _event of events) {
      if (isFirst) {
        // The right to watch is known with the first event.
        res.writeHead(200, {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
          'x-content-type-options': 'nosniff',
        });
        isFirst = false;
      }
      // With the first one, too: flags may have changed since they were asked for, or while the stream was away.
      say('data: {"type":"refetchEvaluation"}\n\n');
      await pause(EVENT_INTERVAL_MS, undefined, { signal: closed.signal, ref: false }).catch(() => undefined);
    }
  } catch (error) {
    const refusal = refusalBehind(error);
    if (!refusal && !closed.signal.aborted) throw error;
    if (refusal && !res.headersSent) {
      ctx.connection.chargeRefusal();
      answerFailure(res, target, failureOf(refusal));
    }
  } finally {
    clearInterval(keepAlive);
    res.end();
  }
}
