import { setTimeout as pause } from 'node:timers/promises';
import { initTRPC } from '@trpc/server';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import type { Viewer } from '../../core/document/targeting-fields.ts';
import { RefusalError } from '../../core/errors.ts';
import type { Caller } from '../../engine/service.ts';
import { freshId } from '../../engine/system-clock.ts';
import type { CallReport, Context } from '../connection/context.ts';
import { formatError, refusalBehind, toCallError } from '../failure.ts';
import type { TurnTicket } from '../connection/order-lane.ts';
import { PRICES } from '../connection/work-budget.ts';
import { chargeWhenEncoded } from './frames.ts';

const t = initTRPC.context<Context>().create({
  // In development tRPC would send stacks to clients.
  isDev: false,
  errorFormatter(options) {
    // Here and not in the procedures: every error of every transport is formatted, once.
    options.ctx?.connection.chargeRefusal();
    return formatError(options);
  },
  // Pings carry no id: the position from which a client resumes does not move.
  sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 40_000 } },
});

export const { router, createCallerFactory } = t;

/** One call, as its procedure sees it. */
export interface Call {
  readonly path: string;
  readonly correlationId: string;
  /** Position in the order of arrival; mutations only. */
  readonly ticket: TurnTicket | undefined;
  /** Aborted when a ws connection closes; tRPC's own signal covers its subscriptions alone. */
  readonly closed: AbortSignal | undefined;
  readonly startedAt: number;
}

/** Context behind the middleware below. */
export interface CallContext extends Context {
  readonly call: Call;
}

/** When a procedure's caller must be admitted. The input is parsed after that, whatever was sent. */
type AdmissionTime =
  /** When the call arrives. */
  | 'at-arrival'
  /** At the call's turn where it is not admitted yet: the mutation before it may be `session.authenticate`. */
  | 'at-turn'
  /** Never. */
  | 'none';

/**
 * Middleware of every call: takes its position in the order of arrival first, charges for it, and reports it last.
 * Subscriptions are reported when they end (`subscription.ts`), unless they were refused before they began. One
 * middleware for all of it: each further one costs a copy of the context and several promises per call.
 *
 * @param price what the call costs when it starts, in points
 */
function createProcedure(admission: AdmissionTime, price: number) {
  return t.procedure.use(async ({ ctx, path, type, getRawInput, next }) => {
    const { connection } = ctx;
    // Nothing may be awaited before this line: up to here, calls run in the order in which their messages arrived.
    const ticket = type === 'mutation' ? connection.lane.take() : undefined;
    const closed = type === 'subscription' ? undefined : ctx.connection.closed;
    const call: Call = {
      path,
      ticket,
      closed,
      correlationId: ctx.correlationId ?? freshId(),
      startedAt: performance.now(),
    };
    let endCall: (() => void) | undefined;
    try {
      endCall = connection.beginCall();
      if (admission === 'at-arrival') connection.admitted();
      else if (admission === 'at-turn' && !connection.isAdmitted()) {
        await ticket?.turn();
        connection.admitted();
      }
      const turn = connection.startCall(price);
      if (turn) await turn;
      const result = await next({ ctx: { call } });
      if (result.ok && type === 'subscription') return result;
      if (result.ok && !connection.isWritable) throw notRead();
      if (result.ok && connection.isBatch) connection.addToBatch(JSON.stringify(result.data)?.length ?? 0);
      if (!result.ok) await hideTiming(ctx, call, result.error);
      if (result.ok && type === 'query') chargeWhenEncoded(result.data, connection);
      ctx.report(reportOf(ctx, call, type, await campaignIdOf(getRawInput), result.ok ? undefined : result.error));
      return result.ok ? result : { ...result, error: toCallError(result.error, call.correlationId) };
    } catch (error) {
      // Refused by this middleware: `next` never throws.
      ctx.report(reportOf(ctx, call, type, await campaignIdOf(getRawInput), error));
      throw toCallError(error, call.correlationId);
    } finally {
      endCall?.();
      ticket?.release();
    }
  });
}

/** Answers that are told apart by time are given at multiples of this, in milliseconds. */
const TIMING_STEP_MS = 50;

/**
 * Delays `NOT_FOUND` for callers without a token: a draft, which is in memory, must not be told from a campaign that
 * does not exist, which is looked up in the archive.
 */
export async function hideTiming({ connection }: Context, { startedAt }: Call, error: unknown): Promise<void> {
  if (connection.identity().anonymous !== true || refusalBehind(error)?.reason !== 'NOT_FOUND') return;
  await pause(TIMING_STEP_MS - ((performance.now() - startedAt) % TIMING_STEP_MS));
}

/** Refusal in the place of an answer that its client would not read: nothing large is encoded for it. */
function notRead(): RefusalError {
  return new RefusalError('OVERLOADED', 'The connection is closed, or its client does not read its answers');
}

/** Mutations of campaigns. An accepted one is paid for by the mutation rate, not by points. */
export const mutationProcedure = createProcedure('at-turn', 0);

/** `session.authenticate`: what is refused otherwise is what it is for. */
export const authenticationProcedure = createProcedure('none', PRICES.authentication);

/** `session.setViewer`: each stream of the connection is judged again, and may begin anew. */
export const viewerProcedure = createProcedure('at-arrival', PRICES.subscription);

/** Queries of the current state. */
export const procedure = createProcedure('at-arrival', PRICES.query);

/** Queries that may read the archive, or fold entries of the history. */
export const historyProcedure = createProcedure('at-arrival', PRICES.historyQuery);

/** Subscriptions. */
export const subscriptionProcedure = createProcedure('at-arrival', PRICES.subscription);

/**
 * The caller. To be read when the answer is decided, not earlier: the identity of a live connection can change.
 *
 * @param viewer whom it asks to see the campaign as, where it said so
 */
export function callerOf(ctx: CallContext, signal: AbortSignal | undefined, viewer?: Viewer): Caller {
  const ownViewer = ctx.connection.viewer?.()?.viewer;
  return {
    identity: ctx.connection.admitted(),
    ...(viewer && { viewer }),
    ...(ownViewer && { ownViewer }),
    correlationId: ctx.call.correlationId,
    signal: ctx.call.closed ?? signal,
  };
}

/**
 * Hands mutations to the engine in the order in which they arrived on their connection. `call` must enqueue its
 * mutation before it returns its promise: the next call passes then, not when the answer is there.
 *
 * @param weight weight of the call for the rate limit (`weightOf`)
 */
export async function inTurn<T>(
  ctx: CallContext,
  signal: AbortSignal | undefined,
  weight: number,
  call: (caller: Caller) => Promise<T>,
): Promise<T> {
  await ctx.connection.spend(weight);
  await ctx.call.ticket?.turn();
  const answer = call(callerOf(ctx, signal));
  ctx.call.ticket?.release();
  return answer;
}

/** Log record of a call that is over. */
export function reportOf(
  ctx: Context,
  call: Call,
  type: CallReport['type'],
  campaignId: string | undefined,
  error: unknown,
): CallReport {
  const refusal = refusalBehind(error);
  return {
    path: call.path,
    type,
    campaignId,
    actor: ctx.connection.actor(),
    correlationId: call.correlationId,
    milliseconds: performance.now() - call.startedAt,
    outcome: error === undefined ? { kind: 'ok' } : refusal ? { kind: 'refused', refusal } : { kind: 'failed', error },
  };
}

/**
 * The campaign of a call, for the log; `undefined` where the input cannot be read or holds no valid campaign id.
 */
async function campaignIdOf(getRawInput: () => Promise<unknown>): Promise<string | undefined> {
  const input = await getRawInput().catch(() => undefined);
  if (typeof input !== 'object' || input === null || !('campaignId' in input)) return undefined;
  const { campaignId } = input;
  return typeof campaignId === 'string' && CAMPAIGN_ID_PATTERN.test(campaignId) ? campaignId : undefined;
}
