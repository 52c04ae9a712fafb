import { initTRPC } from '@trpc/server';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import type { Caller } from '../../engine/service.ts';
import { freshId } from '../../engine/system-clock.ts';
import type { CallReport, Context } from '../connection/context.ts';
import { formatError, refusalBehind, toCallError } from '../failure.ts';
import type { TurnTicket } from '../connection/order-lane.ts';

const t = initTRPC.context<Context>().create({
  // In development tRPC would send stacks to clients.
  isDev: false,
  errorFormatter: formatError,
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

/**
 * Middleware of every call: takes its position in the order of arrival first, and reports it last. Subscriptions are
 * reported when they end (`subscription.ts`), unless they were refused before they began. One middleware for all of it:
 * each further one costs a copy of the context and several promises per call.
 *
 * @param admitFirst whether the caller must be admitted before the input is parsed
 */
function createProcedure(admitFirst: boolean) {
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
      if (admitFirst) connection.admitted();
      const result = await next({ ctx: { call } });
      if (result.ok && type === 'subscription') return result;
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

/** Mutations are admitted later, at their turn: the one before them may be `session.authenticate`. */
export const mutationProcedure = createProcedure(false);

/** Queries and subscriptions are admitted before their input is parsed. */
export const procedure = createProcedure(true);

/** The caller. To be read when the answer is decided, not earlier: the identity of a live connection can change. */
export function callerOf(ctx: CallContext, signal: AbortSignal | undefined): Caller {
  return {
    identity: ctx.connection.admitted(),
    correlationId: ctx.call.correlationId,
    signal: ctx.call.closed ?? signal,
  };
}

/**
 * Hands mutations to the engine in the order in which they arrived on their connection. `call` must enqueue its mutation
 * before it returns its promise: the next call passes then, not when the answer is there.
 *
 * @param weight how many mutations this call counts as for the rate limit
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
